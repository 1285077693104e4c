"""Architectures of images: what they count, how their parts are named, what they give."""

from __future__ import annotations

import math
from typing import Any

import pytest

import chainrule as cr
from chainrule import models, nn
from chainrule.models.lenet import C3_TABLE
from chainrule.models.resnet import Bottleneck
from chainrule.models.vgg import stages

# torchvision's counts (ImageNet's 1,000 classes), the papers' where torchvision lacks the model.
COUNTS = {
    "alexnet": 61_100_840,
    "vgg11": 132_863_336,
    "vgg11_bn": 132_868_840,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg19_bn": 143_678_248,
    "googlenet": 13_004_888,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "lenet5": 60_000,
    "lenet": 61_706,
}
# torchvision's billions of multiply-adds for one image of 224×224, to the digits it prints.
BILLIONS = {"alexnet": 0.71, "googlenet": 1.50, "resnet18": 1.81, "resnet50": 4.09}


def made(name: str, **options: Any) -> Any:
    """A model without its random initial values: quick, and enough to count."""
    with nn.init.no_init():
        return models.get_model(name, **options)


@pytest.mark.parametrize("name", COUNTS)
def test_c5_parameters(name: str) -> None:
    net = made(name)
    assert models.count_parameters(net) == COUNTS[name]
    assert sum(math.prod(p.shape) for p in net.parameters()) == COUNTS[name]


def test_c5_googlenet_without_its_auxiliary_classifiers() -> None:
    assert models.count_parameters(made("googlenet", aux_logits=False)) == 6_624_904


@pytest.mark.parametrize("name", BILLIONS)
def test_c5_multiply_adds(name: str) -> None:
    assert round(models.describe(name).multiply_adds / 1e9, 2) == BILLIONS[name]


def test_c5_zfnet_follows_the_papers_figure() -> None:
    net = made("zfnet").eval()
    sides, x = [], cr.zeros(1, 3, 224, 224)
    with cr.no_grad():
        for layer in net.features:
            x = layer(x)
            if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
                sides.append(x.shape[-1])
    assert sides == [110, 55, 26, 13, 13, 13, 13, 6]


# Names and shapes as torchvision's checkpoints have them.
KEYS: dict[str, tuple[int, dict[str, tuple[int, ...]]]] = {
    "alexnet": (
        16,
        {
            "features.0.weight": (64, 3, 11, 11),
            "features.3.weight": (192, 64, 5, 5),
            "features.10.bias": (256,),
            "classifier.1.weight": (4096, 9216),
            "classifier.6.bias": (1000,),
        },
    ),
    "vgg16": (
        32,
        {
            "features.28.weight": (512, 512, 3, 3),
            "classifier.0.weight": (4096, 25088),
            "classifier.3.bias": (4096,),
            "classifier.6.weight": (1000, 4096),
        },
    ),
    "vgg11_bn": (
        7 * 8 + 2 * 3,
        {
            "features.1.running_var": (64,),
            "features.26.num_batches_tracked": (),
            "features.25.weight": (512, 512, 3, 3),
        },
    ),
    "googlenet": (
        6 * 59 + 2 * 5,
        {
            "conv1.conv.weight": (64, 3, 7, 7),
            "conv3.bn.num_batches_tracked": (),
            "inception3a.branch1.conv.weight": (64, 192, 1, 1),
            "inception3a.branch3.1.conv.weight": (32, 16, 3, 3),
            "inception4e.branch4.1.bn.running_mean": (128,),
            "aux1.conv.conv.weight": (128, 512, 1, 1),
            "aux2.fc1.weight": (1024, 2048),
            "fc.weight": (1000, 1024),
        },
    ),
    "resnet18": (
        122,
        {
            "conv1.weight": (64, 3, 7, 7),
            "layer1.0.conv1.weight": (64, 64, 3, 3),
            "layer2.0.downsample.0.weight": (128, 64, 1, 1),
            "layer2.0.downsample.1.running_mean": (128,),
            "layer4.1.bn2.num_batches_tracked": (),
            "fc.bias": (1000,),
        },
    ),
    "resnet50": (
        320,
        {
            "layer1.0.conv3.weight": (256, 64, 1, 1),
            "layer1.0.downsample.0.weight": (256, 64, 1, 1),
            "layer3.5.bn3.weight": (1024,),
            "fc.weight": (1000, 2048),
        },
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_state_dicts_have_torchvisions_names(name: str) -> None:
    state = made(name).state_dict()
    count, wanted = KEYS[name]
    assert len(state) == count
    assert {key: tuple(state[key].shape) for key in wanted} == wanted


SLIM = (
    "alexnet_slim", "cnn", "googlenet_slim", "lenet", "mlp", "resnet20", "plain20", "vgg11_slim",
    "zfnet_slim",
)  # fmt: skip


@pytest.mark.parametrize("name", SLIM)
def test_slim_models_give_scores(name: str) -> None:
    net = models.get_model(name).eval()
    assert net(cr.randn(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("name", ["alexnet_slim", "googlenet_slim", "resnet20", "vgg11_slim"])
def test_slim_models_take_colour_and_32_pixels(name: str) -> None:
    net = models.get_model(name, num_classes=5, in_channels=3).eval()
    assert net(cr.randn(2, 3, 32, 32)).shape == (2, 5)


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "resnet18", "resnet50", "zfnet"])
def test_large_models_give_a_thousand_scores(name: str) -> None:
    with cr.no_grad():
        assert made(name).eval()(cr.zeros(1, 3, 224, 224)).shape == (1, 1000)


def test_googlenet_in_training() -> None:
    net = models.GoogLeNet(7, init_weights=False, divide=16, small=True)
    out = net(cr.randn(2, 3, 32, 32))
    assert isinstance(out, models.GoogLeNetOutputs)
    assert [tuple(scores.shape) for scores in out] == [(2, 7)] * 3
    assert net.eval()(cr.randn(2, 3, 32, 32)).shape == (2, 7)


def test_googlenet_rescales_imagenets_normalisation() -> None:
    net = models.GoogLeNet(7, transform_input=True, init_weights=False, divide=16, small=True)
    pixels = cr.rand(1, 3, 16, 16)
    mean = cr.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    deviation = cr.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    found = net.eval()((pixels - mean) / deviation)
    net.transform_input = False
    assert cr.allclose(found, net((pixels - 0.5) / 0.5), atol=1e-5)


def test_a_residual_block_begins_as_the_identity() -> None:
    net = models.ResNet(Bottleneck, (2, 1), 3, True, width=4).eval()
    x = cr.rand(1, 16, 5, 5)
    assert cr.equal(net.layer1[1](x), x)


def test_plain_nets_lack_the_way_round() -> None:
    residual, plain = models.resnet20().eval(), models.plain20().eval()
    kept = {k: v for k, v in residual.state_dict().items() if "downsample" not in k}
    plain.load_state_dict(kept)
    x = cr.rand(1, 1, 28, 28)
    assert not cr.allclose(residual(x), plain(x))
    block = plain.layer1[0]
    assert cr.equal(block(cr.ones(1, 16, 4, 4)), block.change(cr.ones(1, 16, 4, 4)).relu())


def test_lenet5_parts() -> None:
    net = models.lenet5()
    parts = {name: models.count_parameters(part) for name, part in net.named_children()}
    assert parts == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert net.codes.shape == (10, 84)
    assert len({tuple(code) for code in net.codes.tolist()}) == 10
    looks_at = [sum(o in row for row in C3_TABLE) for o in range(6)]
    assert looks_at == [10] * 6  # each map of S2 is used as often


def test_lenet5_convolves_only_what_its_table_names() -> None:
    c3 = models.lenet5().c3
    x = cr.zeros(1, 6, 6, 6)
    x[0, 4] = 1.0
    moved = (c3(x) - c3(cr.zeros(1, 6, 6, 6))).abs().sum(dim=(0, 2, 3)) > 0
    assert moved.tolist() == [4 in row for row in C3_TABLE]


def test_vgg_initial_values() -> None:
    features = nn.Sequential(*stages((1,), (64,), 3, True))
    net = models.VGG(features, 10, width=64, grid=2, hidden=64)
    conv, norm = net.features[0], net.features[1]
    assert conv.weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.1)
    assert conv.bias.abs().max() == 0
    assert norm.weight.tolist() == [1.0] * 64
    assert net.classifier[0].weight.std().item() == pytest.approx(0.01, rel=0.1)


def test_unet_needs_sizes_that_halve() -> None:
    with pytest.raises(ValueError, match=r"multiples of 4 .* \[1, 3, 30, 32\]"):
        models.unet_slim()(cr.zeros(1, 3, 30, 32))


def test_a_small_image_for_the_lectures_stack() -> None:
    with pytest.raises(ValueError, match="17×17 are too small"):
        models.CNN(size=17)


# -- the table ------------------------------------------------------------------------------------


def test_the_table_lists_and_describes() -> None:
    assert models.list() == sorted(models.list())
    assert {"lenet", "resnet152", "unet_slim", "zfnet"} <= set(models.list())
    assert models.list("resnet1*") == ["resnet101", "resnet152", "resnet18"]
    found = models.describe("siamese")
    assert found.input == ((1, 1, 8, 8), (1, 1, 8, 8))
    # both images run through the same network
    once = models.count_multiply_adds(models.siamese().embed, cr.zeros(1, 1, 8, 8))
    assert found.multiply_adds == 2 * once
    assert str(found).splitlines()[0] == "siamese"


def test_counts_are_of_the_arithmetic_that_runs() -> None:
    x = cr.zeros(2, 4, 6)
    assert models.count_multiply_adds(nn.Linear(6, 5), x) == 2 * 4 * 6 * 5
    assert models.count_multiply_adds(lambda x: x @ x.mT, x) == 2 * 4 * 4 * 6
    grouped = nn.Conv2d(4, 8, 3, stride=2, groups=2)
    assert models.count_multiply_adds(grouped, cr.zeros(1, 4, 7, 7)) == 8 * 9 * 2 * 9
    up = nn.ConvTranspose2d(4, 3, 2, stride=2)
    assert models.count_multiply_adds(up, cr.zeros(1, 4, 5, 5)) == 25 * 4 * 3 * 4
    assert models.count_multiply_adds(nn.LSTM(3, 5), cr.zeros(7, 2, 3)) == 14 * 4 * 5 * (3 + 5)
    attend = nn.functional.scaled_dot_product_attention
    q, k = cr.zeros(2, 4, 6), cr.zeros(2, 5, 6)
    assert models.count_multiply_adds(attend, q, k, k) == 2 * 4 * 5 * (6 + 6)


def test_unknown_and_taken_names() -> None:
    with pytest.raises(ValueError, match="no model 'resnet19'"):
        models.describe("resnet19")
    with pytest.raises(ValueError, match="a model 'lenet' already"):
        models.register("another", "none", None, (1,), name="lenet")(lambda: nn.Identity())


def test_no_init_leaves_the_generator_alone() -> None:
    state = cr.get_rng_state()
    with nn.init.no_init():
        net = models.vgg11_slim()
        nn.init.trunc_normal_(cr.empty(3, 3))
        nn.init.orthogonal_(cr.empty(3, 3))
        nn.init.sparse_(cr.empty(3, 3), 0.5)
    assert cr.equal(cr.get_rng_state(), state)
    assert net.features[1].weight.tolist() == [1.0] * 8  # constants are written
    nn.Linear(2, 2)
    assert not cr.equal(cr.get_rng_state(), state)
