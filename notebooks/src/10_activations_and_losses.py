# %% [markdown]
# # 10 · Activations and losses
#
# | | |
# |---|---|
# | **You will be able to** | choose the output and the loss that fit a task, and compute both for numbers of any size |
# | **You need** | notebook 06 (softmax with cross-entropy); logarithms |
# | **Time** | 20 minutes |
# | **Rows** | A, L2–L4, L6 |
#
# Two choices at the end of every network decide what its numbers mean: the function that makes the
# output, and the loss that compares it with the truth. They belong together. This notebook shows
# which fits which, and why.

# %%
import math

import chainrule as cr
from chainrule import nn, viz
from chainrule.nn import functional as F
from chainrule.teach import check

# %% [markdown]
# ## An activation and its slope
#
# Ask two things of an activation. Which numbers can come out? And how much gradient does it let
# back, which is its slope? Three of them have curved parts:
#
# $$\sigma(x) = \frac{1}{1 + e^{-x}} \qquad \tanh x = \frac{e^x - e^{-x}}{e^x + e^{-x}} \qquad
# \text{elu}(x) = \begin{cases} x & x > 0 \\ e^x - 1 & x \le 0 \end{cases}$$
#
# **On paper:** derive the three slopes. The first two can be written with the output alone. Then
# type them as functions of $x$.


# %%
def sigma(x):
    return 1 / (1 + math.exp(-x))


# [solution]
slopes = {
    "sigmoid": lambda x: sigma(x) * (1 - sigma(x)),
    "tanh": lambda x: 1 - math.tanh(x) ** 2,
    "elu": lambda x: 1.0 if x > 0 else math.exp(x),
}
# [hole]
# slopes = {
#     "sigmoid": lambda x: ...,  # sigma(x) is there for you
#     "tanh": lambda x: ...,  # math.tanh(x)
#     "elu": lambda x: ...,  # math.exp(x)
# }
# [mistake] factor 1 − σ is missing
# slopes = {
#     "sigmoid": lambda x: sigma(x),
#     "tanh": lambda x: 1 - math.tanh(x) ** 2,
#     "elu": lambda x: 1.0 if x > 0 else math.exp(x),
# }
# [mistake] square is missing
# slopes = {
#     "sigmoid": lambda x: sigma(x) * (1 - sigma(x)),
#     "tanh": lambda x: 1 - math.tanh(x),
#     "elu": lambda x: 1.0 if x > 0 else math.exp(x),
# }
# [mistake] constant −1 has slope 0
# slopes = {
#     "sigmoid": lambda x: sigma(x) * (1 - sigma(x)),
#     "tanh": lambda x: 1 - math.tanh(x) ** 2,
#     "elu": lambda x: 1.0 if x > 0 else math.exp(x) - 1,
# }
# [mistake] right of 0 the function is x
# slopes = {
#     "sigmoid": lambda x: sigma(x) * (1 - sigma(x)),
#     "tanh": lambda x: 1 - math.tanh(x) ** 2,
#     "elu": lambda x: math.exp(x),
# }
# [another]
# slopes = {
#     "sigmoid": lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2,
#     "tanh": lambda x: 1 / math.cosh(x) ** 2,
#     "elu": lambda x: math.exp(min(x, 0)),
# }
# [end]


def true_slope(name):
    def at(x):
        x = cr.tensor(x, dtype=cr.float64, requires_grad=True)
        return cr.autograd.grad(getattr(F, name)(x), x)[0]

    return at


usual = {
    "sigmoid": {
        "the factor 1 − σ is missing": sigma,
        "the factor σ is missing": lambda x: 1 - sigma(x),
        "one minus the square of the output is the form for tanh": lambda x: 1 - sigma(x) ** 2,
        "that is σ², and the factor e⁻ˣ of the inner slope is missing": lambda x: sigma(x) ** 2,
    },
    "tanh": {
        "the square is missing": lambda x: 1 - math.tanh(x),
        "in the quotient rule there is a minus": lambda x: 1 + math.tanh(x) ** 2,
    },
    "elu": {
        "the constant −1 has slope 0": lambda x: 1.0 if x > 0 else math.exp(x) - 1,
        "right of 0 the function is x, so its slope is 1": math.exp,
        "that is the slope of ReLU: elu is not flat left of 0": lambda x: float(x > 0),
    },
}
for name, mine in slopes.items():
    check.value(
        mine,
        of=true_slope(name),
        at=[-2.0, -0.5, 1.5],
        name=f"the slope of {name}",
        mistakes=usual[name],
    )

# %% [markdown]
# Now look. Where the ground is grey, the slope is below 0.05, and hardly any gradient comes through.

# %%
viz.activation("sigmoid", -6, 6)

# %% [markdown]
# And eight of them side by side. **Before you run the cell**, say for each one: what is its largest
# slope, and on which side is it flat?

# %%
functions = {
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "hard tanh": F.hardtanh,
    "linear": nn.Identity(),
    "ReLU": F.relu,
    "Leaky ReLU, 0.01": F.leaky_relu,
    "Leaky ReLU, 0.1": lambda x: F.leaky_relu(x, 0.1),
    "ELU": F.elu,
}
plot = viz.Plot("Activations and their slopes", x="x", rows=2, columns=4, size=(9, 4.4))
x = cr.linspace(-3, 3, 60, requires_grad=True)
for axes, (name, f) in zip(plot.axes.flat, functions.items(), strict=True):
    value = f(x)
    (slope,) = cr.autograd.grad(value.sum(), x)
    axes.plot(x.tolist(), value.tolist(), label="value" if name == "linear" else None)
    axes.plot(x.tolist(), slope.tolist(), label="slope" if name == "linear" else None)
    axes.set(title=name, ylim=(-1.6, 3.1))
    print(f"{name:17} slopes here from {slope.min().item():.2f} to {slope.max().item():.2f}")
plot

# %% [markdown]
# Read three groups. The curves that level off on *both* sides have a bounded output, sigmoid from 0
# to 1, tanh and hard tanh from $-1$ to 1, and they let gradients vanish. ReLU has slope 1 where it is
# open, and 0 where it is closed. A unit that is closed for *all* records gets no gradient, so its
# weights stay as they are: it is **dead**. The leaky ones and ELU keep it alive.
#
# How leaky should a ReLU be? **PReLU** learns it, one slope for each channel, from a start of 0.25.
# With slope 0 it is ReLU, with a fixed 0.01 it is Leaky ReLU. Where $x$ is negative the output is
# slope $\cdot\, x$, so the gradient of the slope is the sum of the negative inputs. Add them up by
# eye. And which of the two channels would be dead under ReLU?

# %%
layer = nn.PReLU(2)  # two channels: the two columns
inputs = cr.tensor([[-2.0, -3.0], [1.0, -1.0]], requires_grad=True)
layer(inputs).sum().backward()
print("slopes", layer.weight.tolist(), "  gradients", layer.weight.grad.tolist())
print("gradient of the inputs under PReLU:", inputs.grad.tolist())
(closed,) = cr.autograd.grad(F.relu(inputs).sum(), inputs)
print("gradient of the inputs under ReLU: ", closed.tolist())

# %% [markdown]
# Under ReLU the second column is zero for both records: that channel is dead.
#
# ## Softmax: scores become probabilities
#
# To choose one of $K$ classes, a network gives $K$ scores $z_k$, called **logits**. Softmax makes
# them positive and lets them add up to 1:
#
# $$p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}$$
#
# **Predict** for the scores 1, 3, 4, 7: how large is the share of the 7? Then write it as it stands.


# %%
def softmax(z):
    # [solution]
    e = z.exp()
    return e / e.sum()
    # [hole]
    # return ...  # z is a tensor; z.exp() and .sum() work on all of it
    # [mistake] exponential is missing
    # return z / z.sum()
    # [mistake] do not add up to 1
    # return z.sigmoid()
    # [mistake] largest, not by the sum
    # return z.exp() / z.exp().max()
    # [mistake] one of exponentials
    # return z.exp() / z.sum()
    # [another]
    # return cr.stack([1 / (z - z_k).exp().sum() for z_k in z])
    # [end]


rows = [[1.0, 3.0, 4.0, 7.0], [3.2, 1.3, 0.2, 0.8], [5.0, 0.3, 2.1]]
softmax_is_right = check.value(
    softmax,
    of=lambda z: F.softmax(z, dim=0),
    at=[cr.tensor(row) for row in rows],
    name="softmax",
    mistakes={
        "the exponential is missing": lambda z: z / z.sum(),
        "these are sigmoids, one for each score: they do not add up to 1": lambda z: z.sigmoid(),
        "divided by the largest, not by the sum": lambda z: z.exp() / z.exp().max(),
        "not divided by the sum": lambda z: z.exp(),
        "divided by the mean, not by the sum": lambda z: z.exp() / z.exp().mean(),
        "the sum below is one of exponentials, too": lambda z: z.exp() / z.sum(),
        "the sign of the exponent is wrong": lambda z: F.softmax(-z, dim=0),
    },
)
if softmax_is_right:
    for row in rows:
        print(row, "→", [round(p, 3) for p in softmax(cr.tensor(row)).tolist()])

# %% [markdown]
# Softmax looks at all scores at once, so its derivative is a matrix: raise one score, and every
# probability moves. The rule is $\frac{\partial p_i}{\partial z_j} = p_i ([i = j] - p_j)$, where
# $[i = j]$ is 1 if the two are equal and else 0. Each row of the matrix adds up to 0. Can you say why?

# %%
z = cr.tensor(rows[2], dtype=cr.float64)
p = F.softmax(z, dim=0)
by_rule = cr.diag(p) - p.outer(p)
by_autograd = cr.autograd.functional.jacobian(lambda z: F.softmax(z, dim=0), z)
print(by_autograd)
print("largest difference from the rule:", (by_rule - by_autograd).abs().max().item())

# %% [markdown]
# With two classes and the scores $z$ and 0, softmax gives $\frac{e^z}{e^z + e^0}$. Divide above and
# below by $e^z$: this is $\frac{1}{1 + e^{-z}}$. **The sigmoid is softmax for two classes.**

# %%
for z in (-2.0, 0.0, 3.0):
    pair = F.softmax(cr.tensor([z, 0.0]), dim=0)
    print(f"z = {z:4}: softmax {pair[0].item():.4f}, sigmoid {sigma(z):.4f}")

# %% [markdown]
# ## Which output takes which loss
#
# | task | output | what comes out | loss |
# |---|---|---|---|
# | regression: a number | linear | any number | MSE, RMSE, MAE, Huber |
# | two classes: yes or no | sigmoid | one probability | binary cross-entropy |
# | one of $K$ classes | softmax | $K$ probabilities, sum 1 | cross-entropy: categorical (target as a one-hot row: 1 for the true class, else 0) or sparse (target as an index) |
#
# The two cross-entropies say one thing: *the loss is minus the logarithm of the probability that the
# model gave to what happened*. For two classes, with $\hat y$ the probability of "yes" and $y$ either
# 1 or 0:
#
# $$\text{BCE}(\hat y, y) = -y \log \hat y - (1 - y) \log (1 - \hat y)$$
#
# **Predict:** a model says $\hat y = 0.01$, and the answer was yes. How large is the loss? And for
# $\hat y = 0.99$? Write the loss with `math.log`.


# %%
def bce(y_hat, y):
    # [solution]
    return -y * math.log(y_hat) - (1 - y) * math.log(1 - y_hat)
    # [hole]
    # return ...
    # [mistake] wrong sign
    # return y * math.log(y_hat) + (1 - y) * math.log(1 - y_hat)
    # [mistake] second term is missing
    # return -y * math.log(y_hat)
    # [mistake] log base
    # return -y * math.log10(y_hat) - (1 - y) * math.log10(1 - y_hat)
    # [mistake] logarithms are exchanged
    # return -y * math.log(1 - y_hat) - (1 - y) * math.log(y_hat)
    # [another]
    # return -math.log(y_hat if y == 1 else 1 - y_hat)
    # [end]


def bce_of_the_library(y_hat, y):
    y_hat, y = (cr.tensor(v, dtype=cr.float64) for v in (y_hat, y))
    return F.binary_cross_entropy(y_hat, y)


cases = [(0.01, 1.0), (0.99, 1.0), (0.8, 0.0)]
bce_is_right = check.value(
    bce,
    of=bce_of_the_library,
    at=cases,
    name="binary cross-entropy",
    mistakes={
        "the second term is missing, for y = 0": lambda p, y: -y * math.log(p),
        "for y = 0 the loss is −log(1 − ŷ)": lambda p, y: -math.log(p),
        "the two logarithms are exchanged": lambda p, y: bce_of_the_library(1 - p, y),
        "that is the squared error": lambda p, y: (p - y) ** 2,
    },
)
if bce_is_right:
    losses = [bce(*case) for case in cases]
    print("of each row:", [round(loss, 2) for loss in losses])
    print("their mean: ", round(sum(losses) / len(losses), 2))

# %% [markdown]
# For $K$ classes the two forms of the target give one number. The probabilities are $(0.2, 0.7, 0.1)$
# and the true class is number 1, counted from 0:

# %%
P = cr.tensor([[0.2, 0.7, 0.1]])
one_hot = cr.tensor([[0.0, 1.0, 0.0]])
categorical = -(one_hot * P.log()).sum(1).mean()
sparse = F.nll_loss(P.log(), cr.tensor([1]))
print(f"categorical {categorical.item():.4f}, sparse {sparse.item():.4f}")
for p in (0.1, 0.3, 0.5):
    print(f"probability {p} for what happened: loss {-math.log(p):.3f}")
for p in (0.775, 0.936):
    print(f"probability {p}: {-math.log2(p):.4f} with log₂, in bits")

# %% [markdown]
# ## A mistake made on purpose: squared error after a sigmoid
#
# It runs, and it even falls. But look at the gradient by the logit $z$. The true answer is 1; the
# model is wrong on the left of the picture and right on the right.

# %%
z = cr.linspace(-8, 8, 81, requires_grad=True)
losses = {
    "binary cross-entropy": F.binary_cross_entropy_with_logits(z, cr.ones_like(z), reduction="sum"),
    "squared error": ((cr.sigmoid(z) - 1) ** 2).sum(),
}
plot = viz.Plot("How hard a loss pulls when the answer is 1", x="logit z", y="gradient by z")
for name, loss in losses.items():
    (g,) = cr.autograd.grad(loss, z)
    plot.axes.plot(z.tolist(), g.tolist(), label=name)
    print(f"{name:20} gradient at z = −8: {g[0].item():.5f}, at z = 0: {g[40].item():.5f}")
plot

# %% [markdown]
# The more wrong the model is, the harder cross-entropy pulls: its gradient is $\hat y - y$, which goes
# to $-1$. Under squared error the slope of the sigmoid, $\hat y (1 - \hat y)$, is a further factor. It
# goes to 0, and a model that is confident and wrong learns next to nothing.
#
# ## Entropy, cross-entropy, divergence
#
# The loss has its name from the theory of information. If things happen with probabilities $p$, then
#
# - the **entropy** $H(p) = -\sum_k p_k \log p_k$ is the mean surprise of one who knows $p$;
# - the **cross-entropy** $H(p, q) = -\sum_k p_k \log q_k$ is that of one who believes $q$;
# - the **divergence** $\text{KL}(p \Vert q) = \sum_k p_k \log \frac{p_k}{q_k}$ is what the wrong belief
#   costs.
#
# The first is given. Write the other two.


# %%
def entropy(p):
    return -(p * p.log()).sum()


# [solution]
def cross_entropy(p, q):
    return -(p * q.log()).sum()


def kl(p, q):
    return (p * (p / q).log()).sum()


# [hole]
# def cross_entropy(p, q):
#     return ...
#
#
# def kl(p, q):
#     return ...
#
#
# [mistake] weights and the logarithm are swapped
# def cross_entropy(p, q):
#     return -(q * p.log()).sum()
#
#
# def kl(p, q):
#     return (p * (p / q).log()).sum()
#
#
# [mistake] logarithms are not weighted by p
# def cross_entropy(p, q):
#     return -(p * q.log()).sum()
#
#
# def kl(p, q):
#     return (p / q).log().mean()
#
#
# [mistake] KL(q‖p), the other direction
# def cross_entropy(p, q):
#     return -(p * q.log()).sum()
#
#
# def kl(p, q):
#     return (q * (q / p).log()).sum()
#
#
# [another]
# def cross_entropy(p, q):
#     return -(p @ q.log())
#
#
# def kl(p, q):
#     return cross_entropy(p, q) - entropy(p)
#
#
# [end]
P, Q = cr.tensor([0.5, 0.1, 0.4]), cr.tensor([0.5, 0.4, 0.1])
biased, fair = cr.tensor([0.9, 0.1]), cr.tensor([0.5, 0.5])
check.value(
    cross_entropy,
    of=lambda p, q: F.cross_entropy(q.log(), p),
    at=[(P, Q), (biased, fair)],
    name="H(p, q)",
    mistakes={
        "the weights and the logarithm are swapped": lambda p, q: -(q * p.log()).sum(),
        "that is H(q), the surprise of one who is right in believing q": lambda p, q: entropy(q),
        "that is a plain mean, and the weights p make it a mean already": lambda p, q: (
            -(p * q.log()).mean()
        ),
        "the logarithms are not weighted by p": lambda p, q: -q.log().sum(),
    },
)
kl_is_right = check.value(
    kl,
    of=lambda p, q: F.kl_div(q.log(), p, reduction="sum"),
    at=[(P, Q), (biased, fair)],
    name="KL(p‖q)",
    mistakes={
        "the logarithms are not weighted by p": lambda p, q: (p / q).log().mean(),
        "the logarithms are added, but not weighted by p": lambda p, q: (p / q).log().sum(),
        "H(p) is taken away, not added": lambda p, q: entropy(p) - (p * q.log()).sum(),
        "that is KL(q‖p), the other direction": lambda p, q: (q * (q / p).log()).sum(),
    },
)

# %% [markdown]
# Why so complicated? Compare $P = (0.5, 0.1, 0.4)$ with $Q = (0.5, 0.4, 0.1)$ by their ratios. They
# are 1, ¼ and 4. Their plain mean says "75 % too large", the mean of their logarithms says "no
# difference". Only the mean weighted by $p$ answers the question. **Predict** whether
# $\text{KL}(Q \Vert P)$ is the same number as $\text{KL}(P \Vert Q)$.

# %%
ratios = P / Q
print("ratios", ratios.tolist(), "  mean", ratios.mean().item())
print(f"mean of the logarithms: {abs(ratios.log().mean().item()):.3f}")
if kl_is_right:
    parts = entropy(P).item(), kl(P, Q).item(), cross_entropy(P, Q).item()
    print("H(P) {:.3f} + KL(P‖Q) {:.3f} = H(P, Q) {:.3f}".format(*parts))
    for name, p, q in (("P and Q", P, Q), ("biased and fair", biased, fair)):
        print(f"{name}: one way {kl(p, q).item():.3f}, the other way {kl(q, p).item():.3f}")

# %% [markdown]
# $P$ and $Q$ are mirror images of each other, so here, by accident, both directions agree. The pair
# of coins shows the rule: KL is *not* symmetric.
#
# A target is fixed, and so is its entropy. So to lower the cross-entropy is to lower the divergence
# of the model from the truth.
#
# ## Numbers of any size
#
# Your softmax is the textbook's. **Predict** what it gives for the scores 1000, $-1000$ and 0. (A
# computer's largest number of this kind is about $3.4 \cdot 10^{38}$, and $e^{89}$ is larger.)

# %%
big = cr.tensor([1000.0, -1000.0, 0.0])
if softmax_is_right:
    print("yours:      ", softmax(big).tolist())
print("the library:", F.softmax(big, dim=0).tolist())

# %% [markdown]
# $e^{1000}$ overflows to infinity, and infinity divided by infinity is nan. The cure comes from one
# function, **log-sum-exp**:
#
# $$\text{lse}(z) = \log \sum_k e^{z_k} = m + \log \sum_k e^{z_k - m} \quad \text{for every number } m$$
#
# Take $m = \max_k z_k$. Then the largest exponent is 0, and nothing overflows. Write it for numbers
# of any size.


# %%
def lse(z):
    # [solution]
    m = z.max()
    return m + (z - m).exp().sum().log()
    # [hole]
    # return ...  # z.max() is the largest
    # [mistake] is ∞
    # return z.exp().sum().log()
    # [mistake] m outside was not added
    # return (z - z.max()).exp().sum().log()
    # [another]
    # return z.max() - F.log_softmax(z, dim=0).max()
    # [another]
    # return z.logsumexp(0)
    # [end]


lse_is_right = check.value(
    lse,
    of=lambda z: cr.logsumexp(z, 0),
    at=[big, cr.tensor([1.0, 3.0, 4.0, 7.0]), cr.tensor([-1000.0, -1001.0])],
    name="log-sum-exp",
    mistakes={
        "the m outside was not added": lambda z: (z - z.max()).exp().sum().log(),
        "the logarithm is missing": lambda z: z.max() + (z - z.max()).exp().sum(),
        "a mean stands where the sum belongs": lambda z: cr.logsumexp(z, 0) - math.log(len(z)),
    },
)

# %% [markdown]
# All else follows from it: $\log p_k = z_k - \text{lse}(z)$. So softmax is $e^{z_k - \text{lse}(z)}$,
# and the cross-entropy of class $y$ is $\text{lse}(z) - z_y$. No probability is needed on the way.

# %%
tens = cr.tensor([10.0, 20.0, 30.0, 40.0, 50.0, 70.0], dtype=cr.float64)
if lse_is_right:
    print("softmax of tens:", [f"{p:.1e}" for p in (tens - lse(tens)).exp().tolist()])
    print("loss if class 1 of the big scores is true:", (lse(big) - big[1]).item())
print("the library's:", F.cross_entropy(big.reshape(1, 3), cr.tensor([1])).item())

# %% [markdown]
# This is why the library's losses come in two kinds, one for **probabilities** and one for
# **logits**. Once a probability is rounded to 0 or 1, the logit cannot be found again:

# %%
for value in (20.0, 200.0, 1000.0):
    z = cr.tensor(value, requires_grad=True)  # a very sure "yes", and the answer is no
    no = cr.tensor(0.0)
    for name, loss in (
        ("probability", F.binary_cross_entropy(z.sigmoid(), no)),
        ("logit      ", F.binary_cross_entropy_with_logits(z, no)),
    ):
        (g,) = cr.autograd.grad(loss, z)
        print(f"z = {value:6}  from the {name}: loss {loss.item():6}, gradient {g.item()}")

# %% [markdown]
# The loss should be $z$ itself, and the gradient 1. From the probability you get 100, the limit that
# the library sets so that the loss stays finite, and a gradient of 0. So let the network end with its
# logits, and give them to `binary_cross_entropy_with_logits` or `cross_entropy`.
#
# ## In words
#
# 1. Why is a sigmoid a good output for a yes-or-no question, and a poor activation inside a deep
#    network?
# 2. You add 500 to all scores of a softmax. What changes in the probabilities, and why?
# 3. What does $\text{KL}(p \Vert q)$ become if $q$ calls something impossible that happens under $p$?
#    And the other way round?
#
# ## Open exercise
#
# GELU, $x \cdot \Phi(x)$ with $\Phi$ the normal distribution, is a newer activation. Draw it with
# `viz.activation("gelu")`. Where is its slope negative, and where larger than 1? Then find another
# function in `chainrule.nn.functional` whose slope is larger than 1 somewhere.
#
# ## Where this lives
#
# The activations are declared in [`autograd/ops/activation.py`](../autograd/ops/activation.py) and
# [`autograd/ops/activations.py`](../autograd/ops/activations.py), softmax in
# [`autograd/ops/softmax.py`](../autograd/ops/softmax.py), the losses in
# [`autograd/ops/loss.py`](../autograd/ops/loss.py). `help(cr.logsumexp)` is a reference entry. Next:
# [11 · Many classes](11_many_classes.ipynb).
