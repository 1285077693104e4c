"""Models of images learn: a batch by heart, and generated or real data well above chance."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import data, models, nn

F = nn.functional


def fashion(count: int) -> tuple[Any, Any]:
    """The first images of the bundled Fashion-MNIST, from 0 to 1, and their labels."""
    images, labels = data.fashion_mnist()
    return cr.from_numpy(images[:count, None] / np.float32(255)), cr.from_numpy(labels[:count])


def digits() -> tuple[Any, Any]:
    """The digits, (1797, 1, 8, 8) from 0 to 1, and their labels."""
    images, labels = data.load_digits()
    return cr.from_numpy(images[:, None] / np.float32(16)), cr.from_numpy(labels)


def learn_by_heart(net: Any, x: Any, y: Any, lr: float, loss: Any = F.cross_entropy) -> float:
    """The loss of one batch after at most 200 steps of Adam without dropout."""
    for module in net.train().modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    adam = cr.optim.Adam(net.parameters(), lr=lr)
    value = float("inf")
    for _ in range(200):
        adam.zero_grad()
        found = loss(net(x), y)
        found.backward()
        adam.step()
        value = found.item()
        if value < 0.02:
            break
    return value


RATES = {
    "alexnet_slim": 3e-3, "cnn": 3e-3, "googlenet_slim": 1e-2, "lenet": 3e-3, "resnet20": 1e-2,
    "vgg11_slim": 3e-3, "zfnet_slim": 3e-3,
}  # fmt: skip


@pytest.mark.parametrize("name", RATES)
def test_overfits_one_batch(name: str) -> None:
    x, y = fashion(8)
    assert learn_by_heart(models.get_model(name), x, y, RATES[name]) < 0.02


def test_lenet5_overfits_one_batch_with_the_papers_loss() -> None:
    x, y = fashion(8)
    x = F.pad(x, (2, 2, 2, 2)) * 1.275 - 0.1
    net = models.lenet5()
    assert learn_by_heart(net, x, y, 3e-3, partial(models.map_loss, j=20.0)) < 0.02
    assert net(x).argmax(1).tolist() == y.tolist()


def test_map_loss_is_the_papers_equation() -> None:
    distances = cr.tensor([[1.0, 4.0, 9.0], [2.0, 0.5, 7.0]], dtype=cr.float64)
    target, j = cr.tensor([0, 2]), 1.5
    by_hand = [
        d[k] + np.log(np.exp(-j) + np.exp(-np.array(d)).sum())
        for d, k in zip(distances.tolist(), target.tolist(), strict=True)
    ]
    assert models.map_loss(-distances, target, j).item() == pytest.approx(np.mean(by_hand))


def test_c5_residual_net_trains_where_the_plain_one_does_not() -> None:
    """56 layers, the same seed, data and steps: only the way round the blocks differs."""
    x, y = digits()
    right = {}
    for build in (models.resnet56, models.plain56):
        cr.manual_seed(0)
        net = build(width=4)
        sgd = cr.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
        losses = models.fit(net, x[:1024], y[:1024], sgd, epochs=2)
        right[build.__name__] = (np.mean(losses[-8:]), models.accuracy(net, x[1024:], y[1024:]))
    loss, share = right["resnet56"]
    assert loss < 1.0
    assert share > 0.3
    loss, share = right["plain56"]
    assert loss > 2.0  # log 10 = 2.3 is chance
    assert share < 0.2


def test_c7_the_lectures_stack_on_fashion_mnist() -> None:
    x, y = fashion(6000)
    net = models.cnn()
    adam = cr.optim.Adam(net.parameters(), lr=3e-3)
    models.fit(net, x[:1000], y[:1000], adam, epochs=2, batch_size=25)
    assert models.accuracy(net, x[5000:5500], y[5000:5500]) > 0.6


def test_c7_the_bundled_lenet() -> None:
    """It was trained on the training images; the subset's last 1,000 are test images."""
    x, y = fashion(6000)
    assert models.accuracy(models.lenet(pretrained=True), x[5000:], y[5000:]) > 0.89


def test_c7_transfer_by_a_new_head() -> None:
    """Features of the clothes serve a new task, shoe or not, learned from 100 pictures."""
    x, y = fashion(6000)
    shoe = ((y == 5) | (y == 7) | (y == 9)).long()
    net = models.freeze(models.lenet(pretrained=True, num_classes=2), "classifier.4")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert sum(p.numel() for p in models.trainable(net)) == 84 * 2 + 2
    adam = cr.optim.Adam(models.trainable(net), lr=1e-2)
    models.fit(net, x[:100], shoe[:100], adam, epochs=15, batch_size=20)
    assert models.accuracy(net, x[5000:], shoe[5000:]) > 0.97
    changed = [name for name, v in net.state_dict().items() if not cr.equal(v, before[name])]
    assert changed == ["classifier.4.weight", "classifier.4.bias"]


def test_c7_fine_tuning_all_layers() -> None:
    """Digits, enlarged to 28×28: 30 steps from the clothes' weights beat 30 from scratch."""
    x, y = digits()
    x = F.interpolate(x, size=(28, 28), mode="bilinear")
    right = []
    for pretrained in (True, False):
        cr.manual_seed(0)
        net = models.lenet(pretrained=pretrained)
        models.replace_head(net, 10)
        groups = models.fine_tuning_groups(net, 2e-3, head="classifier.4", slower=1.0)
        adam = cr.optim.Adam(groups)
        models.fit(net, x[:200], y[:200], adam, epochs=3, batch_size=20)
        right.append(models.accuracy(net, x[1000:], y[1000:]))
    assert right[0] > 0.6
    assert right[0] > right[1] + 0.05


def test_c10_unet_segments_scenes() -> None:
    scenes = data.Scenes(448, size=24, radii=(0.2, 0.3), seed=3)
    x, targets = data.collate_scenes([scenes[k] for k in range(448)])
    y = cr.stack([data.class_map(target) for target in targets])
    net = models.unet_slim()
    adam = cr.optim.Adam(net.parameters(), lr=1e-2)
    cycle = cr.optim.lr_scheduler.OneCycleLR(adam, max_lr=2e-2, total_steps=4 * 25)
    models.fit(net, x[:400], y[:400], adam, epochs=4, batch_size=16, schedule=cycle)
    with cr.no_grad():
        found = models.iou(net.eval()(x[400:]), y[400:])
    assert found[0] > 0.95  # the background
    assert min(found[1:]) > 0.5
    assert sum(found[1:]) / 3 > 0.65


@pytest.mark.parametrize("how", ["contrastive", "triplet"])
def test_c10_siamese_verifies_digits(how: str) -> None:
    x, y = digits()
    net = models.siamese()
    adam = cr.optim.Adam(net.parameters(), lr=2e-3)
    triplet = nn.TripletMarginLoss(margin=1.0)
    for _ in range(100):
        adam.zero_grad()
        if how == "contrastive":
            a, b, same = models.pairs(y[:1400], 64)
            loss = models.contrastive_loss(net(x[a], x[b]), same)
        else:
            anchor, positive, negative = models.triplets(y[:1400], 64)
            loss = triplet(*[net.embed(x[k]) for k in (anchor, positive, negative)])
        loss.backward()
        adam.step()
    held_out = y[1400:]
    a, b, same = models.pairs(held_out, 400)
    with cr.no_grad():
        distance = net(x[1400:][a], x[1400:][b])
    limit = 0.5 if how == "contrastive" else distance.median()
    assert ((distance < limit).float() == same).float().mean().item() > 0.85


def test_pairs_and_triplets_are_what_they_say() -> None:
    labels = cr.tensor([0, 1, 1, 2, 2, 2])
    a, b, same = models.pairs(labels, 101)
    assert (labels[a] == labels[b]).float().tolist() == same.tolist()
    assert same.sum().item() == 51
    assert not (a == b).any()
    for rows in (models.triplets(labels, 0), models.pairs(labels, 0)):
        assert [len(r) for r in rows] == [0, 0, 0]
    with pytest.raises(ValueError, match=r"two samples in one of them, got \{0: 1, 1: 1\}"):
        models.triplets(cr.tensor([0, 1]), 3)


def test_frozen_norms_stay_as_they_are() -> None:
    net = models.freeze(models.resnet20(num_classes=3), "fc")
    before = net.bn1.running_mean.clone()
    adam = cr.optim.Adam(models.trainable(net), lr=1e-2)
    models.fit(net, cr.randn(8, 1, 28, 28), cr.zeros(8, dtype=cr.int64), adam, batch_size=4)
    assert cr.equal(net.bn1.running_mean, before)
    models.unfreeze(net)
    models.train_mode(net)
    net(cr.randn(8, 1, 28, 28))
    assert not cr.equal(net.bn1.running_mean, before)


def test_wrong_names_of_parts() -> None:
    net = models.lenet()
    with pytest.raises(ValueError, match=r"begins with 'fc'; the parts are features, classifier"):
        models.freeze(net, "fc")
    with pytest.raises(ValueError, match="lies below 'head'"):
        models.fine_tuning_groups(net, 0.1, head="head")
    with pytest.raises(ValueError, match="Conv2d has no Linear"):
        models.replace_head(nn.Conv2d(1, 1, 1), 2)
    # a prefix ends at a dot: layer1 does not mean layer10
    named = nn.ModuleDict({"layer1": nn.Linear(1, 1), "layer10": nn.Linear(1, 1)})
    models.freeze(named, "layer1")
    assert [k for k, p in named.named_parameters() if p.requires_grad] == [
        "layer1.weight",
        "layer1.bias",
    ]
