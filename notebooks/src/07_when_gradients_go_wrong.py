# %% [markdown]
# # 07 · When gradients go wrong
#
# | | |
# |---|---|
# | **You will be able to** | say why a gradient is None, zero, nan, tiny or huge, and mend each of them |
# | **You need** | notebook 05 (gradients of arrays) |
# | **Time** | 20 minutes |
# | **Rows** | G9, G10 |
#
# A program with a wrong gradient seldom stops. It runs, and learns nothing. In this notebook every
# such failure happens on purpose. You ask `viz.why(x)` for the reason, and then you mend it.

# %%
import math

import numpy as np

import chainrule as cr
from chainrule import models, nn, viz
from chainrule.nn import functional as F
from chainrule.teach import check

# %% [markdown]
# ## None
#
# The program below computes $\text{loss} = (a + b) \cdot \tanh c$ with $a = 0.2$, $b = 3$ and
# $c = 0.5$. It runs without an error, and leaves three gradients of None. **Predict** why: the three
# reasons differ, and there is one in each of the lines that make $a$, $b$ and $h$.

# %%
a = cr.tensor(2.0, requires_grad=True) * 0.1
b = cr.tensor(3)
c = cr.tensor(0.5, requires_grad=True)
h = cr.tensor(np.tanh(c.detach().numpy()))
loss = (a + b) * h
loss.backward()
print(viz.why(a, loss))
print(viz.why(b, loss))
print(viz.why(c, loss))

# %% [markdown]
# - **No leaf.** A leaf is a tensor that you made yourself, and only leaves keep their gradient. The
#   multiplication by 0.1 made $a$ the result of an operation.
# - **Whole numbers.** A whole number cannot change by a little, so it has no derivative.
# - **Detached.** NumPy does not record what it computes. On the way through NumPy the graph is cut.
#   `.item()` cuts it too, and so does `with cr.no_grad():`.
#
# The judge is a finite difference, which needs no graph at all: nudge one of $a$, $b$, $c$ up and down
# and look at the loss.


# %%
def measured(n, m, c, step=1e-4):
    at, slopes = (0.1 * n, m, c), []
    for k in range(3):
        up, down = ([v + s * (i == k) for i, v in enumerate(at)] for s in (step, -step))
        results = [(a + b) * math.tanh(c) for a, b, c in (up, down)]
        slopes.append((results[0] - results[1]) / (2 * step))
    return slopes


def without(names):
    return lambda *at: [
        0.0 if name in names else slope for name, slope in zip("abc", measured(*at), strict=True)
    ]


# %% [markdown]
# Now mend the three lines. The program is a function here, so that you can start it with any numbers;
# above they were $n = 2$ (which is multiplied by 0.1), $m = 3$ and $c = 0.5$.


# %%
def gradients(n, m, c):
    c = cr.tensor(c, requires_grad=True)
    # [solution]
    a = cr.tensor(0.1 * n, requires_grad=True)
    b = cr.tensor(float(m), requires_grad=True)
    h = cr.tanh(c)
    # [hole]
    # a = ...  # it was cr.tensor(n, requires_grad=True) * 0.1
    # b = ...  # it was cr.tensor(m), and m is a whole number
    # h = ...  # it was cr.tensor(np.tanh(c.detach().numpy()))
    # [mistake] still None: the gradient of a.
    # a = 0.1 * cr.tensor(n, requires_grad=True)
    # b = cr.tensor(float(m), requires_grad=True)
    # h = cr.tanh(c)
    # [mistake] still None: the gradient of b.
    # a = cr.tensor(0.1 * n, requires_grad=True)
    # b = cr.tensor(m).float()
    # h = cr.tanh(c)
    # [mistake] still None: the gradient of c.
    # a = cr.tensor(0.1 * n, requires_grad=True)
    # b = cr.tensor(float(m), requires_grad=True)
    # h = cr.tensor(math.tanh(c.item()), requires_grad=True)
    # [mistake] still None: the gradient of a and of b.
    # a = cr.tensor(0.1 * n)
    # b = cr.tensor(float(m))
    # h = cr.tanh(c)
    # [mistake] the value of a is 0.1 · n
    # a = cr.tensor(n, requires_grad=True)
    # b = cr.tensor(float(m), requires_grad=True)
    # h = cr.tanh(c)
    # [another]
    # a = (cr.tensor(n) * 0.1).requires_grad_()
    # b = cr.tensor(m, dtype=cr.float32, requires_grad=True)
    # h = c.tanh()
    # [end]
    ((a + b) * h).backward()
    return [0.0 if t.grad is None else t.grad for t in (a, b, c)]  # None counts as 0 here


check.value(
    gradients,
    of=measured,
    at=[(2.0, 3, 0.5)],
    name="the three gradients",
    mistakes={
        f"still None: the gradient of {' and of '.join(names)}": without(names)
        for names in ("a", "b", "c", "ab", "ac", "bc", "abc")
    }
    | {"the value of a is 0.1 · n, not n": lambda n, m, c: measured(10 * n, m, c)},
)

# %% [markdown]
# ## Zero
#
# Here nothing is cut, and yet the gradient is zero: a neuron with a ReLU and a bias of $-5$, for four
# records. **Predict** from the formula $\text{relu}(z) = \max(0, z)$: what are its four outputs, and
# what are the slopes there?

# %%
x = cr.tensor([0.5, 1.0, 1.5, 2.0])
w = cr.tensor(1.0, requires_grad=True)
z = w * x - 5
loss = ((z.relu() - 1) ** 2).mean()
loss.backward()
print("z =", z.tolist(), "  gradient:", w.grad.item())
viz.why(w, loss)

# %% [markdown]
# Every $z$ is negative, so every slope is 0: a **dead ReLU**. No gradient moves $w$, and as $w$ does
# not move, the neuron stays dead.
#
# The cure is a unit with a small slope on the negative side. For $z > 0$ it gives $z$, as before.
# For all other $z$ it gives $0.1 \cdot z$. Write it. `cr.where(condition, one, other)` chooses
# element by element.


# %%
def leaky(z):
    # [solution]
    return cr.where(z > 0, z, 0.1 * z)
    # [hole]
    # return ...
    # [mistake] a constant has slope 0
    # return cr.where(z > 0, z, 0.1)
    # [mistake] sides are swapped
    # return cr.where(z > 0, 0.1 * z, z)
    # [mistake] wrong sign
    # return cr.where(z > 0, z, -0.1 * z)
    # [mistake] the ReLU again
    # return z.relu()
    # [another]
    # return z.relu() + 0.1 * z.clamp(max=0)
    # [another]
    # return cr.maximum(z, 0.1 * z)
    # [end]


leaky_is_right = check.value(
    leaky,
    of=lambda z: F.leaky_relu(z, 0.1),
    at=[z.detach(), cr.tensor([3.0, 0.2])],
    name="the leaky ReLU",
    mistakes={
        "a constant has slope 0: this unit stays dead": lambda z: cr.where(z > 0, z, 0.1),
        "the two sides are swapped": lambda z: cr.where(z > 0, 0.1 * z, z),
        "that is the ReLU again, with slope 0 on the negative side": F.relu,
    },
)
if leaky_is_right:
    loss = ((leaky(w * x - 5) - 1) ** 2).mean()
    w.grad = None
    loss.backward()
    print("gradient of w:", round(w.grad.item(), 4))

# %% [markdown]
# The gradient is negative: a step against it raises $w$, until the neuron wakes up.
#
# The second way to a zero is **saturation**. Far from 0 a sigmoid is flat, and a computer rounds its
# slope to 0. It often comes from inputs in the wrong unit, such as metres where kilometres would do:

# %%
metres = cr.tensor([500.0, 1000.0, 1500.0, 2000.0])
for inputs, unit in ((metres, "metres"), (metres / 1000, "kilometres")):
    w.grad = None
    loss = cr.sigmoid(w * inputs).mean()
    loss.backward()
    print(f"{unit}: gradient {w.grad.item():.4f}.", viz.why(w, loss).sentences[-1])

# %% [markdown]
# ## nan
#
# nan means *not a number*. One element is enough: every sum that it enters becomes nan, and after
# one step so do all weights. Two operations make most of them: $\log 0 = -\infty$ and $\frac{0}{0}$.
#
# A loss for probabilities $p$ and a target $t$ (1 at the true class, else 0) is $-\sum_i t_i \log p_i$.
# Here a model is sure that the third class is impossible, and it is right. **Predict** the loss:
# only the term of the true class should count.

# %%
t = cr.tensor([0.0, 1.0, 0.0])
p = cr.tensor([0.2, 0.8, 0.0], requires_grad=True)
loss = -(t * p.log()).sum()
loss.backward()
print("loss:", loss.item(), "  gradient:", p.grad.tolist())
viz.why(p, loss)

# %% [markdown]
# $0 \cdot (-\infty)$ is nan. In a long program you want to know *which line*. Run it under anomaly
# detection, and the backward pass stops at the first nan and names the line that it belongs to:

# %%
with cr.autograd.set_detect_anomaly(True):
    loss = -(t * p.log()).sum()
    try:
        loss.backward()
    except RuntimeError as error:
        print(error)

# %% [markdown]
# Write a loss that is right where $t_i = 0$ and $p_i = 0$: such a term is 0, and so is its gradient.
#
# Beware of a trap. `cr.where(t > 0, t * p.log(), 0.0)` gives the right *value*. But on the way back
# the branch that was not chosen receives the gradient 0, and multiplies it by the slope of the
# logarithm, which is infinite. So repair what goes *into* the logarithm.


# %%
def log_loss(t, p):
    # [solution]
    safe = cr.where(t > 0, p, 1.0)  # log 1 = 0
    return -(t * safe.log()).sum()
    # [hole]
    # return ...
    # [mistake] holds nan
    # return -cr.where(t > 0, t * p.log(), 0.0).sum()
    # [mistake] is nan
    # return -(t * p.log()).sum()
    # [mistake] wrong sign
    # return (t * cr.where(t > 0, p, 1.0).log()).sum()
    # [another]
    # return -(t[t > 0] * p[t > 0].log()).sum()
    # [another]
    # return -(t * p.clamp(min=1e-12).log()).sum()
    # [end]


def gradient(t, p):
    log_loss(t, p).backward()
    return p.grad


rows = [(t, p), (cr.tensor([1.0, 0.0, 0.0]), p)]  # true class: the second, the first
if check.value(log_loss, of=lambda t, p: -math.log((t * p).sum().item()), at=rows, name="the loss"):
    check.value(gradient, of=lambda t, p: -t / (t * p).sum(), at=rows, name="its gradient")

# %% [markdown]
# The other one, $\frac{0}{0}$, hides in formulas that divide by a length or by a standard deviation.
# Here a column of a table holds the same number three times, and is divided by its standard
# deviation. The usual cure is a small number added to the variance.

# %%
column = cr.tensor([2.0, 2.0, 2.0], requires_grad=True)
for small in (0.0, 1e-5):
    column.grad = None
    centred = column - column.mean()
    loss = (centred / ((centred**2).mean() + small).sqrt())[0]
    loss.backward()
    print(f"with {small:g} added: gradient {[round(g, 1) for g in column.grad.tolist()]}")
    print(viz.why(column, loss).sentences[-1])

# %% [markdown]
# ## Tiny: vanishing gradients
#
# On its way back through a network the gradient is multiplied by the slope of each activation. The
# slope of a sigmoid is $\sigma' = \sigma (1 - \sigma)$, and it is largest at 0.
#
# **On paper:** five sigmoid layers have the slopes 0.25, 0.15, 0.10, 0.05 and 0.02. What factor does
# the gradient keep? And what is the best that five sigmoids can do, all at their steepest?

# %%
slopes = cr.tensor([0.25, 0.15, 0.10, 0.05, 0.02], dtype=cr.float64)
z = cr.linspace(-8, 8, 161, dtype=cr.float64, requires_grad=True)
(sigmoid_slope,) = cr.autograd.grad(cr.sigmoid(z).sum(), z)

# [solution]
after_five = 0.25 * 0.15 * 0.10 * 0.05 * 0.02
best_of_five = 0.25**5
# [hole]
# after_five = ...  # you may write the product, or a number such as 1.5e-3
# best_of_five = ...
# [mistake] slopes of a chain are multiplied
# after_five = 0.25 + 0.15 + 0.10 + 0.05 + 0.02
# best_of_five = 0.25**5
# [mistake] steepest slope of a sigmoid is 0.25
# after_five = 3.75e-6
# best_of_five = 0.5**5
# [mistake] the factors of five layers multiply
# after_five = 3.75e-6
# best_of_five = 5 * 0.25
# [mistake] slope of tanh
# after_five = 3.75e-6
# best_of_five = 1
# [another]
# after_five = slopes.prod()
# best_of_five = 1 / 1024
# [end]
check.value(
    after_five,
    of=slopes.prod(),
    name="the factor after five layers",
    mistakes={"the slopes of a chain are multiplied, not added": slopes.sum()},
)
check.value(
    best_of_five,
    of=sigmoid_slope.max() ** 5,
    name="the best of five sigmoids",
    mistakes={
        "the steepest slope of a sigmoid is 0.25, at 0: σ(0) (1 − σ(0))": 0.5**5,
        "1 is the steepest slope of tanh": 1.0,
        "the factors of five layers multiply: a power, not a multiple": 5 * 0.25,
    },
)

# %% [markdown]
# tanh does better, with a slope of up to 1 at 0; but far from 0 it is as flat. Now build twelve layers,
# three times: with sigmoids, with ReLUs, and with ReLUs and weights five times as large. The picture
# shows the size of the gradient of each layer's weights, as a **norm**: the square root of the sum of
# the squares of all elements. **Predict** which curve falls towards the first layer, which one stays
# level, and where the third one lies.


# %%
def deep_network(activation, spread):
    cr.manual_seed(0)
    net = models.MLP(*[16] * 12, 1, activation=activation)
    for layer in net.layers[::2]:  # the linear layers: 0, 2, 4, …
        nn.init.normal_(layer.weight, std=spread)
        nn.init.zeros_(layer.bias)
    return net


cr.manual_seed(1)
data = cr.randn(32, 16)
nets = {
    "sigmoid": deep_network(nn.Sigmoid, 0.35),
    "ReLU": deep_network(nn.ReLU, 0.35),
    "ReLU, weights × 5": deep_network(nn.ReLU, 5 * 0.35),
}
plot = viz.Plot("Size of the gradient, layer by layer", x="layer", y="norm of the gradient")
plot.axes.set_yscale("log")
for name, net in nets.items():
    net(data).mean().backward()
    norms = [layer.weight.grad.norm().item() for layer in net.layers[::2]]
    plot.axes.plot(range(1, 13), norms, label=name)
    print(f"{name:18} first layer {norms[0]:.1e}, last layer {norms[-1]:.1e}")
plot

# %% [markdown]
# With sigmoids the first layer has almost no gradient: it **vanishes**. The slope of a ReLU is 1
# where it is open, so the gradient keeps its size. Ask for the reason, factor by factor, from the
# result back to the first layer. (The size in the answer is a root mean square: the norm divided by
# 16, as the layer has $16 \cdot 16$ weights.) Recording under `watch()` keeps what the answer needs.

# %%
with cr.watch():
    loss = nets["sigmoid"](data).mean()
nets["sigmoid"].zero_grad()
loss.backward()
first = nets["sigmoid"].layers[0].weight
viz.why(first, loss)

# %% [markdown]
# The cure is what the second curve shows: an activation with slope 1, and weights whose size fits
# it. Notebook 14 finds that size.
#
# ## Huge: exploding gradients, and clipping
#
# The third curve is the opposite. A factor above 1, repeated, **explodes**. Here is the smallest
# case: multiply by the same $w = 1.5$ twenty times, and ask for a result of 1.


# %%
def twenty_times(w):
    h = 1.0
    for _ in range(20):
        h = w * h
    return (h - 1) ** 2


w = cr.tensor(1.5, requires_grad=True)
loss = twenty_times(w)
loss.backward()
viz.why(w, loss)

# %% [markdown]
# A step along this gradient throws $w$ far away. The cure is to **clip**: keep the direction, limit
# the length. Two forms are in use.
#
# - **By value:** each element is cut off at $\pm$ the limit.
# - **By norm:** if the norm $\lVert g \rVert = \sqrt{\sum_i g_i^2}$ is larger than the limit, multiply
#   all of $g$ by the one factor that makes the norm equal to the limit. A shorter $g$ stays as it is.
#
# **On paper:** clip $g = (30, -40)$ with limit 5, in both forms. Which one keeps the direction?

# %%
p = cr.zeros(2, requires_grad=True)
for clip in (nn.utils.clip_grad_value_, nn.utils.clip_grad_norm_):
    p.grad = cr.tensor([30.0, -40.0])
    before = p.grad.norm().item()
    clip([p], 5.0)
    clipped, after = [round(g, 4) for g in p.grad.tolist()], p.grad.norm().item()
    print(f"{clip.__name__:16} {clipped}, norm {before:g} before, {after:.4g} after")

# %% [markdown]
# Write clipping by norm. The library judges you on a long gradient and on a short one.


# %%
def clip_by_norm(g, limit):
    # [solution]
    return g * min(1.0, limit / g.norm().item())
    # [hole]
    # return ...  # g.norm() is the norm
    # [mistake] by value
    # return g.clamp(-limit, limit)
    # [mistake] short gradient is made longer
    # return g * (limit / g.norm())
    # [mistake] norm 1
    # return g / g.norm()
    # [another]
    # return g if g.norm() <= limit else limit * g / g.norm()
    # [end]


def by_the_library(g, limit):
    p = cr.zeros_like(g).requires_grad_()
    p.grad = g.clone()
    nn.utils.clip_grad_norm_([p], limit)
    return p.grad


clip_is_right = check.value(
    clip_by_norm,
    of=by_the_library,
    at=[(cr.tensor([30.0, -40.0]), 5.0), (cr.tensor([0.3, -0.4]), 5.0)],
    name="clipping by norm",
    mistakes={
        "that is clipping by value, which turns the direction": lambda g, n: g.clamp(-n, n),
        "the short gradient is made longer": lambda g, n: g * (n / g.norm()),
        "that scales every gradient to norm 1": lambda g, n: g / g.norm(),
    },
)

# %% [markdown]
# Now descend, without clipping and with yours. The goal is a loss of 0. **Predict** which of the two
# comes near it, and what becomes of the other.


# %%
def descend(clip, steps=60):
    w, losses = cr.tensor(1.5, requires_grad=True), []
    for _ in range(steps):
        loss = twenty_times(w)
        losses.append(loss.item())
        (g,) = cr.autograd.grad(loss, w)
        w = (w - 0.01 * clip(g)).detach().requires_grad_()  # a new leaf for the next step
    return losses


print("as it is:", [f"{loss:.3g}" for loss in descend(lambda g: g)[:4]])
if clip_is_right:
    losses = descend(lambda g: clip_by_norm(g, 1.0))
    print("clipped: ", [f"{loss:.3g}" for loss in losses[:4]], "… the last:", f"{losses[-1]:.3g}")

# %% [markdown]
# ## Written over
#
# Some rules need a number from the forward pass. The derivative of $e^x$ is $e^x$ itself, so `exp`
# keeps its *output*. Write into that tensor in place, and the rule would compute with the wrong
# number. The library notices, and under `watch()` it names both lines:

# %%
x = cr.tensor([0.0, 1.0], requires_grad=True)
with cr.watch():
    y = x.exp()
    y += 1
try:
    y.sum().backward()
except RuntimeError as error:
    print(error)

# %% [markdown]
# The message says how to mend it: `y = y + 1` makes a new tensor and leaves the old one alone.
#
# ## Forgetting to zero
#
# `backward()` *adds* to `.grad`. That is right for many routes, and wrong for many steps:

# %%
w = cr.tensor([0.0, 0.0], requires_grad=True)
for _ in range(3):
    (w.sum() * 2).backward()
    print(w.grad.tolist())

# %% [markdown]
# The true gradient was $(2, 2)$ every time. So a step of gradient descent has two duties: move the
# weights by $-\text{lr}$ times their gradient, and forget the gradient.
#
# The move writes into a leaf in place. Outside `no_grad()` the library refuses that, because the
# graph of the next loss would begin at a number that no longer exists. Write the step. `w.grad = None`
# forgets.


# %%
def step(w, lr):
    # [solution]
    with cr.no_grad():
        w -= lr * w.grad
    w.grad = None
    return w
    # [hole]
    # return ...  # replace this line: move w, forget its gradient, return w
    # [mistake] gradients not zeroed
    # with cr.no_grad():
    #     w -= lr * w.grad
    # return w
    # [mistake] a leaf Variable
    # w -= lr * w.grad
    # w.grad = None
    # return w
    # [mistake] wrong sign
    # with cr.no_grad():
    #     w += lr * w.grad
    # w.grad = None
    # return w
    # [mistake] the learning rate is too large
    # with cr.no_grad():
    #     w -= w.grad
    # w.grad = None
    # return w
    # [another]
    # return (w - lr * w.grad).detach().requires_grad_()
    # [another]
    # descent = cr.optim.SGD([w], lr)
    # descent.step()
    # descent.zero_grad()
    # return w
    # [end]


def train(step):
    w, target = cr.zeros(2, requires_grad=True), cr.tensor([3.0, -1.0])
    losses = []
    for _ in range(40):
        loss = 2 * ((w - target) ** 2).sum()
        loss.backward()
        losses.append(loss.item())
        w = step(w, 0.1)
    return losses


check.trains(lambda: train(step), below=1e-3, name="forty steps")

# %% [markdown]
# Compare your step with one that forgets to zero:


# %%
def forgetful(w, lr):
    with cr.no_grad():
        w -= lr * w.grad
    return w


print([round(loss, 2) for loss in train(forgetful)[:16]])

# %% [markdown]
# The old gradients push on, past the goal and back again. The losses swing and do not settle.
#
# ## In words
#
# 1. A gradient is None, another one is 0. What does each say about the routes from the tensor to
#    the loss?
# 2. Why can a sum of a thousand terms be nan when 999 of them are ordinary numbers, and how do you
#    find the line?
# 3. Clipping by norm keeps the direction of the gradient, clipping by value does not. When would the
#    difference matter?
#
# ## Open exercise
#
# Replace the sigmoids in the deep network by `nn.Tanh`, whose slope is 1 at 0, and try weights with
# `spread` 0.1, 0.25 and 1. For which one does the gradient of the first layer come nearest to that
# of the last? Explain with `viz.why`.
#
# ## Where this lives
#
# The answers of `why` are written in [`viz/why_view.py`](../viz/why_view.py) and
# [`viz/why_numbers.py`](../viz/why_numbers.py), anomaly detection in
# [`autograd/anomaly.py`](../autograd/anomaly.py), clipping in
# [`nn/utils`](../nn/utils). `help(cr.viz.why)` is the reference entry. Next:
# [08 · Neurons](08_neurons.ipynb).
