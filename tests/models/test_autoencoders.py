"""Autoencoders: overfitting, weight tying, images made whole, coloured and finer, new samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import data, models, nn, optim
from chainrule.nn import functional as F


@pytest.fixture(scope="module")
def images() -> tuple[Any, Any]:
    """The handwritten digits (1797, 1, 8, 8) between 0 and 1, and their classes."""
    pictures, labels = data.load_digits()
    return cr.from_numpy((pictures[:, None] / 16).astype(np.float32)), cr.from_numpy(labels)


def train(model: Any, x: Any, target: Any = None, epochs: int = 10, lr: float = 5e-3) -> None:
    descent = optim.Adam(model.parameters(), lr=lr)
    model.train()
    for _ in range(epochs):
        for chosen in cr.randperm(len(x)).split(50):
            descent.zero_grad()
            more = () if target is None else (target[chosen],)
            model.loss(x[chosen], *more).backward()
            descent.step()
    model.eval()


MAKERS: dict[str, Callable[[], Any]] = {
    "deep": lambda: models.DeepAutoencoder([16, 32, 6]),
    "tied": lambda: models.TiedAutoencoder([16, 32, 8]),
    "linear": lambda: models.LinearAutoencoder(16, 5),
    "convolutional": lambda: models.ConvAutoencoder(),
    "denoising": lambda: models.DenoisingAutoencoder([16, 64, 8], std=0.0),
}


@pytest.mark.parametrize("name", list(MAKERS))
def test_overfits_one_batch(name: str) -> None:
    model = MAKERS[name]()
    x = cr.rand(4, 1, 8, 8) if name == "convolutional" else cr.rand(4, 16)
    descent = optim.Adam(model.parameters(), lr=0.01)
    first = model.loss(x).item()
    for _ in range(400):
        descent.zero_grad()
        loss = model.loss(x)
        loss.backward()
        descent.step()
    assert loss.item() < 0.002 < first
    assert model(x).shape == x.shape


def test_tied_weights_get_gradients_from_both_places() -> None:
    net = models.TiedAutoencoder([6, 4], output=nn.Identity).double()
    x = cr.randn(5, 6, dtype=cr.float64)
    net.loss(x).backward()
    (weight,) = [p for p in net.parameters() if p.dim() == 2]
    encoder, decoder = (weight.detach().clone().requires_grad_() for _ in range(2))
    code = x @ encoder.T + net.encoder.layers[0].bias.detach()
    F.mse_loss(code @ decoder + net.back_biases[0].detach(), x).backward()
    assert weight.grad.allclose(encoder.grad + decoder.grad)


def test_tied_has_half_the_weights() -> None:
    tied, free = models.TiedAutoencoder([64, 32, 8]), models.DeepAutoencoder([64, 32, 8])
    assert sum(p.dim() == 2 for p in tied.parameters()) == 2
    assert sum(p.dim() == 2 for p in free.parameters()) == 4
    assert models.count_parameters(tied) < 0.55 * models.count_parameters(free)


def test_tied_learns_digits(images: Any) -> None:
    x = images[0][:800].flatten(1)
    net = models.TiedAutoencoder([64, 48, 16])
    train(net, x, epochs=20)
    assert net.loss(x).item() < ((x - x.mean(0)) ** 2).mean().item() / 3


def test_denoising_corrupts_only_in_training() -> None:
    net = models.DenoisingAutoencoder([8, 4], std=1.0)
    x = cr.rand(3, 8)
    assert not net(x).equal(net(x))
    net.eval()
    assert net(x).equal(net(x))


# -- C6: convolutional autoencoders --------------------------------------------------------------


def test_C6_reconstruct(images: Any) -> None:
    x = images[0][:800]
    net = models.ConvAutoencoder()
    train(net, x[:600])
    assert net.loss(x[600:]).item() < ((x[600:] - x[:600].mean(0)) ** 2).mean().item() / 3


def test_C6_colourise(images: Any) -> None:
    """Each digit class has its own colour: the grey image must be read to be coloured."""
    x, y = images
    palette = cr.tensor([[1.0, 0.2, 0.1], [0.1, 0.9, 0.2], [0.2, 0.3, 1.0], [1.0, 0.9, 0.1]])
    few = y < 4
    x, y = x[few], y[few]
    coloured = x * palette[y][:, :, None, None]
    cut = len(x) * 3 // 4
    net = models.ConvAutoencoder(1, 3)
    train(net, x[:cut], coloured[:cut], epochs=20, lr=0.01)
    out = net(x[cut:]).detach()
    grey = F.mse_loss(x[cut:].expand(-1, 3, -1, -1), coloured[cut:]).item()
    mean_colour = F.mse_loss(x[cut:] * palette.mean(0)[:, None, None], coloured[cut:]).item()
    assert F.mse_loss(out, coloured[cut:]).item() < 0.6 * min(grey, mean_colour)
    ink = out.sum((2, 3)) / x[cut:].sum((2, 3))  # the colour that it chose
    guessed = cr.cdist(ink, palette).argmin(1)
    assert (guessed == y[cut:]).float().mean().item() > 0.85


def test_C6_super_resolve(images: Any) -> None:
    x = images[0]
    coarse = F.avg_pool2d(x, 2)
    net = models.ConvAutoencoder(scale=2)
    train(net, coarse[:1200], x[:1200], epochs=18, lr=0.01)
    error = F.mse_loss(net(coarse[1200:]), x[1200:]).item()
    for mode in ("nearest", "bilinear", "bicubic"):
        by_rule = F.interpolate(coarse[1200:], scale_factor=2, mode=mode)
        assert error < 0.75 * F.mse_loss(by_rule, x[1200:]).item(), mode


def purity(clusters: Any, y: Any) -> float:
    """The share of samples that are of the most frequent class in their cluster."""
    counts = cr.zeros(10, 10)
    for c, t in zip(clusters.tolist(), y.tolist(), strict=True):
        counts[c, t] += 1
    return float(counts.max(1).values.sum().item()) / len(y)


def test_C6_cluster_the_latent_space(images: Any) -> None:
    x, y = images[0][:800], images[1][:800]
    net = models.ConvAutoencoder()
    train(net, x)
    codes = net.encoder(x)
    assert codes.shape == (800, 32, 2, 2)
    found = models.cluster_codes(codes, 10)
    assert found.shape == (800,)
    assert len(found.unique()) == 10
    assert purity(found, y) > 0.6  # no label was seen; a random grouping has about .13
    shuffled = y[cr.randperm(len(y))]
    assert purity(found, shuffled) < 0.2


def test_conv_says_what_sizes_it_takes() -> None:
    with pytest.raises(ValueError, match="multiples of 4"):
        models.ConvAutoencoder()(cr.zeros(1, 1, 7, 8))
    with pytest.raises(ValueError, match="scale"):
        models.ConvAutoencoder(scale=3)
    assert models.ConvAutoencoder(scale=4)(cr.zeros(2, 1, 8, 12)).shape == (2, 1, 32, 48)


# -- variational ---------------------------------------------------------------------------------


def test_variational_terms_by_hand() -> None:
    net = models.VariationalAutoencoder(6, 5, 3).double()
    x = cr.rand(4, 6, dtype=cr.float64)
    h = net.hidden(x)
    mean, std = net.mean(h), (net.log_variance(h) / 2).exp()
    posterior = cr.distributions.Normal(mean, std)
    prior = cr.distributions.Normal(cr.zeros_like(mean), cr.ones_like(mean))
    kl = cr.distributions.kl_divergence(posterior, prior).sum(1).mean()
    cr.manual_seed(7)
    pixels, found = net.terms(x)
    assert found.allclose(kl)
    cr.manual_seed(7)
    z = mean + std * cr.randn_like(mean)
    likelihood = cr.distributions.Bernoulli(logits=net.decoder(z)).log_prob(x.round())
    cr.manual_seed(7)
    assert net.terms(x.round())[0].shape == likelihood.sum(1).mean().shape
    by_hand = -(x * net.decoder(z).sigmoid().log() + (1 - x) * (-net.decoder(z)).sigmoid().log())
    assert pixels.allclose(by_hand.sum(1).mean())


def test_variational_learns_and_draws_digits(images: Any) -> None:
    x = images[0][:800].flatten(1)
    net = models.VariationalAutoencoder(64, 128, 4)
    before = net.loss(x).item()
    train(net, x, epochs=25)
    pixels, kl = (t.item() for t in net.terms(x))
    assert pixels + kl < before - 10
    assert kl > 2  # the code is in use
    drawn = net.sample(200)
    assert drawn.shape == (200, 64)
    assert (drawn.min().item() >= 0, drawn.max().item() <= 1) == (True, True)
    # the drawn ones lie nearer to real digits than noise with the same mean pixels does
    noise = (x.mean(0) + x.std(0) * cr.randn(200, 64)).clamp(0, 1)
    near, far = (cr.cdist(t, x).min(1).values.mean().item() for t in (drawn, noise))
    assert near < 0.75 * far


def test_variational_overfits_one_batch() -> None:
    x = cr.rand(4, 16).round()
    net = models.VariationalAutoencoder(16, 64, 8, beta=0.0)
    descent = optim.Adam(net.parameters(), lr=0.01)
    for _ in range(300):
        descent.zero_grad()
        loss = net.loss(x)
        loss.backward()
        descent.step()
    assert loss.item() < 0.3
    assert net(x).round().equal(x)


def test_outlier_scores_are_means_of_squares() -> None:
    x = cr.randn(5, 3)
    rows, columns = models.outlier_scores(lambda x: x / 2, x)
    assert rows.allclose((x**2 / 4).mean(1))
    assert columns.allclose((x**2 / 4).mean(0))
