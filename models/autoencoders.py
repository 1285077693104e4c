"""Autoencoders: networks that learn to give back their input through a narrow middle.

``encoder`` makes the code, ``decoder`` the reconstruction, ``loss(x)`` compares it with x; what is
left over (``outlier_scores``) tells strange rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import nn
from ..autograd import modes
from ..autograd.declare import names
from ..nn import functional as F
from .mlp import MLP
from .registry import register
from .regularization import GaussianNoise

_torch = names["torch"]
_HINTON = 'Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural networks"'


class Autoencoder(nn.Module):
    """x̂ = decoder(encoder(x)) and the mean squared error to x, for any two modules.

    >>> import chainrule as cr
    >>> net = Autoencoder(cr.nn.Linear(8, 2), cr.nn.Linear(2, 8))
    >>> net.encoder(cr.zeros(5, 8)).shape, net(cr.zeros(5, 8)).shape
    (torch.Size([5, 2]), torch.Size([5, 8]))
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x: Any) -> Any:
        return self.decoder(self.encoder(x))

    def loss(self, x: Any, target: Any = None) -> Any:
        """The mean squared error to ``target``, by default to the input itself."""
        return F.mse_loss(self(x), x if target is None else target)


class LinearAutoencoder(Autoencoder):
    """x̂ = (x Eᵀ) Dᵀ, no biases: ``factorization.as_factorization`` reads it as X ≈ UVᵀ.

    >>> import chainrule as cr
    >>> LinearAutoencoder(6, 2)(cr.zeros(3, 6)).shape
    torch.Size([3, 6])
    """

    def __init__(self, features: int, code: int) -> None:
        super().__init__(
            nn.Linear(features, code, bias=False), nn.Linear(code, features, bias=False)
        )


@register("fully connected, 784-128-64-2 and back", _HINTON, 2006, (784,), name="deep_autoencoder")
class DeepAutoencoder(Autoencoder):
    """Layers of the given sizes down to the code and back: (N, D) → code (N, k) → (N, D).

    The code is linear; ``output`` ends the decoder, a sigmoid for inputs between 0 and 1.
    Source: Hinton and Salakhutdinov, 2006.

    >>> import chainrule as cr
    >>> net = DeepAutoencoder([64, 32, 2])
    >>> net.encoder(cr.zeros(5, 64)).shape, net(cr.zeros(5, 64)).shape
    (torch.Size([5, 2]), torch.Size([5, 64]))
    """

    def __init__(
        self,
        sizes: Sequence[int] = (784, 128, 64, 2),
        activation: Callable[[], nn.Module] = nn.ReLU,
        output: Callable[[], nn.Module] = nn.Sigmoid,
    ) -> None:
        back = MLP(*sizes[::-1], activation=activation)
        super().__init__(MLP(*sizes, activation=activation), nn.Sequential(back, output()))


@register(
    "decoder weights are the encoder's, transposed", _HINTON, 2006, (784,), name="tied_autoencoder"
)
class TiedAutoencoder(nn.Module):
    """Encoder layers a ← f(a Wᵀ + b); the decoder goes back with the same W: a ← f(a W + c).

    Half the weights, and each gets gradients from both places, which add.

    >>> import chainrule as cr
    >>> net = TiedAutoencoder([64, 16, 2])
    >>> net(cr.zeros(5, 64)).shape, len(list(net.parameters()))
    (torch.Size([5, 64]), 6)
    """

    def __init__(
        self,
        sizes: Sequence[int] = (784, 128, 32),
        activation: Callable[[], nn.Module] = nn.ReLU,
        output: Callable[[], nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.encoder = MLP(*sizes, activation=activation)
        self.back_biases = nn.ParameterList([_torch["zeros"](n) for n in sizes[-2::-1]])
        self.activation, self.output = activation(), output()

    def decoder(self, code: Any) -> Any:
        """From the code (N, k) back to (N, D)."""
        layers = [layer for layer in self.encoder.layers if isinstance(layer, nn.Linear)]
        for k, (layer, bias) in enumerate(zip(layers[::-1], self.back_biases, strict=True)):
            code = (self.activation(code) if k else code) @ layer.weight + bias
        return self.output(code)

    def forward(self, x: Any) -> Any:
        return self.decoder(self.encoder(x))

    def loss(self, x: Any) -> Any:
        """The mean squared error to the input."""
        return F.mse_loss(self(x), x)


@register(
    "learns to take Gaussian noise off its input",
    'Vincent et al., "Extracting and composing robust features with denoising autoencoders"',
    2008,
    (784,),
    name="denoising_autoencoder",
)
class DenoisingAutoencoder(DeepAutoencoder):
    """A deep autoencoder that sees x + noise while training and is compared with the clean x.

    In evaluation mode it adds no noise: give it the noisy input. Source: Vincent et al., 2008.

    >>> import chainrule as cr
    >>> DenoisingAutoencoder([64, 32], std=0.3)(cr.zeros(5, 64)).shape
    torch.Size([5, 64])
    """

    def __init__(
        self,
        sizes: Sequence[int] = (784, 256, 64),
        std: float = 0.3,
        activation: Callable[[], nn.Module] = nn.ReLU,
        output: Callable[[], nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__(sizes, activation, output)
        self.noise = GaussianNoise(std)

    def forward(self, x: Any) -> Any:
        return super().forward(self.noise(x))


@register(
    "convolutions down by four and transposed ones back",
    'Masci et al., "Stacked convolutional auto-encoders"',
    2011,
    (1, 28, 28),
    name="conv_autoencoder",
)
class ConvAutoencoder(Autoencoder):
    """Images (N, in, H, W) → code (N, 2·width, H/4, W/4) → (N, out, scale·H, scale·W) in 0 … 1.

    With one kind of image on both sides it reconstructs; with a grey input and 3 output channels
    it colourises; with ``scale`` = 2 or 4 it makes images finer (super-resolution). ``loss(x,
    target)`` then compares with the wanted image. H and W must be multiples of 4.
    Source: Masci et al., "Stacked convolutional auto-encoders", 2011.

    >>> import chainrule as cr
    >>> ConvAutoencoder(1, 3)(cr.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 3, 8, 8])
    >>> ConvAutoencoder(scale=2)(cr.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 1, 16, 16])
    """

    def __init__(
        self, in_channels: int = 1, out_channels: int = 1, width: int = 16, scale: int = 1
    ) -> None:
        if scale not in (1, 2, 4):
            raise ValueError(f"ConvAutoencoder: scale must be 1, 2 or 4, got {scale}")
        encoder = nn.Sequential(
            nn.Conv2d(in_channels, width, 3, stride=2, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
        )
        # Leaky: plain ReLUs can all die here, and the black image that is left gets no gradient.
        decoder = nn.Sequential(
            nn.LeakyReLU(0.1), nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        )
        for _ in range({1: 1, 2: 2, 4: 3}[scale]):
            decoder.extend([nn.LeakyReLU(0.1), nn.ConvTranspose2d(width, width, 2, stride=2)])
        decoder.append(nn.LeakyReLU(0.1))
        decoder.extend([nn.Conv2d(width, out_channels, 3, padding=1), nn.Sigmoid()])
        super().__init__(encoder, decoder)

    def forward(self, x: Any) -> Any:
        if x.shape[-1] % 4 or x.shape[-2] % 4:
            raise ValueError(
                f"ConvAutoencoder: height and width must be multiples of 4, got {tuple(x.shape)}; "
                "pad the images with nn.functional.pad"
            )
        return super().forward(x)


@register(
    "a code that is a distribution, so that new samples can be drawn",
    'Kingma and Welling, "Auto-encoding variational Bayes"',
    2013,
    (784,),
    name="variational_autoencoder",
)
class VariationalAutoencoder(nn.Module):
    """q(z|x) = N(μ(x), σ²(x)), z = μ + σ·ε, p(x|z) Bernoulli with the decoder's probabilities.

    ``loss(x)`` is −ELBO a sample: the cross-entropy of the pixels, summed, plus
    KL(q‖N(0, I)) = ½Σ(μ² + σ² − 1 − log σ²), times ``beta``. Inputs (N, D) between 0 and 1.
    Source: Kingma and Welling, 2013.

    >>> import chainrule as cr
    >>> net = VariationalAutoencoder(64, 32, 2)
    >>> net(cr.zeros(5, 64)).shape, net.sample(3).shape
    (torch.Size([5, 64]), torch.Size([3, 64]))
    """

    def __init__(
        self, features: int = 784, hidden: int = 256, code: int = 16, beta: float = 1.0
    ) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(features, hidden), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(hidden, code), nn.Linear(hidden, code)
        self.decoder = MLP(code, hidden, features)
        self.beta = beta

    def encoder(self, x: Any) -> Any:
        """The means of the codes (N, k)."""
        return self.mean(self.hidden(x))

    def forward(self, x: Any) -> Any:
        """The reconstruction from the mean code, as probabilities (N, D)."""
        return self.decoder(self.encoder(x)).sigmoid()

    def terms(self, x: Any) -> tuple[Any, Any]:
        """Reconstruction loss and KL divergence, each the mean over the samples."""
        h = self.hidden(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + (log_variance / 2).exp() * _torch["randn_like"](mean)
        logits = self.decoder(z)
        pixels = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = (mean**2 + log_variance.exp() - 1 - log_variance).sum() / 2
        return pixels / len(x), kl / len(x)

    def loss(self, x: Any) -> Any:
        """Reconstruction + beta·KL, which bounds −log p(x) from above for beta = 1."""
        pixels, kl = self.terms(x)
        return pixels + self.beta * kl

    def sample(self, count: int) -> Any:
        """New images (count, D), decoded from z ~ N(0, I)."""
        with modes.no_grad():
            return self.decoder(_torch["randn"](count, self.mean.out_features)).sigmoid()


def outlier_scores(model: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """Mean squared reconstruction error of each row (N,) and each column (D,) of a table (N, D).

    Rows that do not follow what most follow come back badly, and so do columns that depend on no
    other. Set the model to evaluation mode first. Source: Aggarwal, "Outlier analysis", ch. 3.

    >>> import chainrule as cr
    >>> rows, columns = outlier_scores(lambda x: 0 * x, cr.tensor([[1.0, 1.0], [3.0, 1.0]]))
    >>> rows, columns
    (tensor([1., 5.]), tensor([5., 1.]))
    """
    with modes.no_grad():
        errors = (model(x) - x) ** 2
    return errors.mean(1), errors.mean(0)


def cluster_codes(codes: Any, clusters: int, seed: int = 0) -> Any:
    """k-means on codes (N, …), flattened: the cluster (N,) of each sample, k-means++ starts.

    >>> import chainrule as cr
    >>> cluster_codes(cr.tensor([[0.0], [0.1], [5.0], [5.1]]), 2).unique().tolist()
    [0, 1]
    """
    from scipy.cluster.vq import kmeans2

    points = codes.detach().flatten(1).double().numpy()
    _, labels = kmeans2(points, clusters, minit="++", rng=seed)
    return _torch["from_numpy"](labels.astype("int64"))
