# %% [markdown]
# # 14 · Healthy depth
#
# | | |
# |---|---|
# | **You will be able to** | start a deep network so that values and gradients keep their size, and keep it so by residual paths and normalisation |
# | **You need** | notebook 07 (vanishing and exploding); what a variance is |
# | **Time** | 20 minutes |
# | **Rows** | I, G9, T4 |
#
# A deep network multiplies many times. If each layer halves the size of its numbers, twenty layers
# leave one millionth. Three remedies are in daily use: choose the first weights well, give the
# gradient a short way back, and bring the values back to one size on the way.

# %%
import math

import chainrule as cr
from chainrule import data, models, nn, viz
from chainrule.nn import functional as F
from chainrule.teach import check

# %% [markdown]
# ## How not to begin: equal weights
#
# Zero looks like a fair start. Take two inputs, two hidden units and one output:
#
# $$h = \tanh(W x) \qquad \text{out} = v \cdot h + b \qquad \text{loss} = (\text{out} - 1)^2$$
#
# **On paper:** all of $W$, $v$ and $b$ are 0, and $x = (1, 2)$. Work out $h$, and then the gradient of
# each of the three.

# %%
x = cr.tensor([1.0, 2.0])
W = cr.zeros(2, 2, requires_grad=True)
v = cr.zeros(2, requires_grad=True)
b = cr.tensor(0.0, requires_grad=True)
out = v @ cr.tanh(W @ x) + b
loss = (out - 1) ** 2

# [solution]
dW = [[0, 0], [0, 0]]
dv = [0, 0]
db = -2
# [hole]
# dW = [[..., ...], [..., ...]]
# dv = [..., ...]
# db = ...
# [mistake] way back to W leads through v
# dW = [[-2, -4], [-2, -4]]
# dv = [0, 0]
# db = -2
# [mistake] gradient of v is multiplied by h
# dW = [[0, 0], [0, 0]]
# dv = [-2, -2]
# db = -2
# [mistake] wrong sign
# dW = [[0, 0], [0, 0]]
# dv = [0, 0]
# db = 2
# [another]
# dW = [[-2 * 0 * 1, -2 * 0 * 2], [-2 * 0 * 1, -2 * 0 * 2]]
# dv = [2 * (0 - 1) * math.tanh(0), 2 * (0 - 1) * math.tanh(0)]
# db = 2 * (0 - 1)
# [end]
true_dW, true_dv = cr.autograd.grad(loss, [W, v], retain_graph=True)
upstream = 2 * (out.item() - 1)
check.value(
    dW,
    of=true_dW,
    name="∂loss/∂W",
    mistakes={"the way back to W leads through v, which is 0": upstream * cr.stack([x, x])},
)
check.value(
    dv,
    of=true_dv,
    name="∂loss/∂v",
    mistakes={"the gradient of v is multiplied by h, which is tanh 0 = 0": upstream * cr.ones(2)},
)
check.grad(db, of=loss, wrt=b, name="∂loss/∂b")

# %% [markdown]
# Only $b$ can move. The way back to $W$ leads through $v = 0$, and $v$ gets its gradient times
# $h = 0$.
#
# Any other equal start has the same fault in a milder form. Set all weights to 0.5, and train on XOR
# with four hidden units. **Predict** what becomes of the four rows of $W$.

# %%
inputs = cr.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
answers = cr.tensor([[0.0], [1.0], [1.0], [0.0]])


def trained(equal):
    cr.manual_seed(0)
    net = models.MLP(2, 4, 1, activation=nn.Tanh)
    if equal:
        for p in net.parameters():
            nn.init.constant_(p, 0.5)
    descent = cr.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(200):
        descent.zero_grad()
        loss = F.mse_loss(net(inputs), answers)
        loss.backward()
        descent.step()
    return [[round(w, 3) for w in row] for row in net.layers[0].weight.tolist()], loss.item()


for equal in (True, False):
    rows, last = trained(equal)
    print("equal start: " if equal else "random start:", rows, f" loss {last:.4f}")

# %% [markdown]
# Units that begin equal get equal gradients, at every step. Four units have learned, and they are one
# unit four times. Random weights **break the symmetry**. Biases may begin at 0.
#
# ## How large should random weights be?
#
# Look at one sum, $z = \sum_{i=1}^{n} w_i x_i$, with independent random weights of mean 0. Variances
# of independent terms add up:
#
# $$\text{Var}(z) = n \cdot \text{Var}(w) \cdot \overline{x^2}$$
#
# where $\overline{x^2}$ is the mean square of the inputs. Measure it first. Here is one layer
# with $n$ inputs of mean square 1, and weights of a given standard deviation.


# %%
def mean_square_after_one(std, n):
    cr.manual_seed(0)
    x = cr.randn(200, n)
    weights = std * cr.randn(n, n)
    return (x @ weights.T).square().mean()


for n in (64, 256):
    print(f"n = {n}, standard deviation 1: {mean_square_after_one(1.0, n).item():.1f}")

# %% [markdown]
# If $z$ is to be as large as the inputs were, what must the **standard deviation** of the weights be?


# %%
def spread(n):
    # [solution]
    return 1 / math.sqrt(n)
    # [hole]
    # return ...  # the standard deviation of the weights, for n inputs
    # [mistake] that is the variance
    # return 1 / n
    # [mistake] sums grow with every input
    # return 1.0
    # [mistake] multiplied by √n
    # return math.sqrt(n)
    # [mistake] would be 2
    # return math.sqrt(2 / n)
    # [another]
    # return n**-0.5
    # [end]


spread_is_right = check.value(
    spread,
    of=lambda n: nn.init.calculate_gain("linear") / math.sqrt(n),
    at=[64, 256, 512],
    name="the standard deviation",
    mistakes={
        "that is the variance, not its root": lambda n: 1 / n,
        "then the sums grow with every input": lambda n: 1.0,
        "you multiplied by √n": lambda n: math.sqrt(n),
        "the mean square of z would be 2": lambda n: math.sqrt(2 / n),
        "the mean square of z would be ½": lambda n: 1 / math.sqrt(2 * n),
    },
)
if spread_is_right:
    for n in (64, 256, 512):
        print(f"n = {n}: mean square of z {mean_square_after_one(spread(n), n).item():.2f}")

# %% [markdown]
# This is **LeCun's** rule, $\text{Var}(w) = 1 / n_\text{in}$. On the way back the gradient goes through
# the same matrix the other way and is a sum over the *outputs*, so it would like
# $1 / n_\text{out}$. **Xavier's** (Glorot's) rule takes the middle:
# $\text{Var}(w) = \frac{2}{n_\text{in} + n_\text{out}}$.
#
# Both forget the activation. tanh is steep at 0 and keeps small numbers nearly as they are. ReLU sets
# the negative half of its inputs to 0. **Predict** what that does to the mean square, in one layer and
# in ten. Chance has a say in it, so the mean is taken over eight networks.


# %%
def through(std, n, activation=F.relu, layers=10):
    cr.manual_seed(0)
    a, found = cr.randn(8, 100, n), []  # eight networks at once, 100 records each
    for _ in range(layers):
        a = activation(a @ (std * cr.randn(8, n, n)))
        found.append(a.square().mean().item())
    return found


print("LeCun's weights, ReLU:", [f"{size:.2g}" for size in through(1 / math.sqrt(256), 256)])

# %% [markdown]
# Each ReLU halves it. **He's** rule makes up for that. Write it. Your numbers should arrive after ten
# layers with a mean square near 1.


# %%
def he(n):
    # [solution]
    return math.sqrt(2 / n)
    # [hole]
    # return ...  # the standard deviation again
    # [mistake] halves the mean square
    # return 1 / math.sqrt(n)
    # [mistake] belongs under the root
    # return 2 / math.sqrt(n)
    # [mistake] that is the variance
    # return 2 / n
    # [another]
    # return math.sqrt(2) * spread(n)
    # [end]


he_is_right = check.value(
    he,
    of=lambda n: nn.init.calculate_gain("relu") / math.sqrt(n),
    at=[64, 256, 512],
    name="the standard deviation",
    mistakes={
        "each ReLU halves the mean square, and nothing makes up for it": lambda n: n**-0.5,
        "the 2 belongs under the root": lambda n: 2 / math.sqrt(n),
        "that is the variance, not its root": lambda n: 2 / n,
        "the n belongs under the root": lambda n: math.sqrt(2) / n,
        "that halves the mean square once more": lambda n: 1 / math.sqrt(2 * n),
    },
)
if he_is_right:
    print("your weights, ReLU:", [f"{size:.2g}" for size in through(he(256), 256)])

# %% [markdown]
# Now the picture of what you found, with weights too small and too large beside it. All layers have
# 256 inputs and 256 outputs, so Xavier's rule and LeCun's are the same here. **Before you look:**
# where does tanh end if the weights are far too large?

# %%
n = 256
plot = viz.Plot(
    "Mean square of the activations", x="layer", y="mean square", rows=1, columns=2, size=(9, 3.4)
)
spreads = {"0.01": 0.01, "Xavier, √(1/n)": n**-0.5, "He, √(2/n)": (2 / n) ** 0.5, "1": 1.0}
for axes, activation in zip(plot.axes, (cr.tanh, F.relu), strict=True):
    axes.set(title=activation.__name__, yscale="log", ylim=(1e-9, 1e9))
    for name, std in spreads.items():
        sizes = through(std, n, activation)
        axes.plot(range(1, 11), sizes, label=name if activation is cr.tanh else None)
        print(f"{activation.__name__:4} {name:14} layer 1: {sizes[0]:.1e}, 10: {sizes[-1]:.1e}")
plot

# %% [markdown]
# In the library the rules are `nn.init.xavier_normal_(w)` and
# `nn.init.kaiming_normal_(w, nonlinearity="relu")`, which is He's (Kaiming is his given name). With
# `nonlinearity="linear"` it is LeCun's.
#
# ## Saturation, before and after
#
# With tanh, weights that are too large do no harm to the *values*: they end near $\pm 1$ and seem
# healthy. The harm is in the slopes there, which are nearly 0: such a unit is **saturated**.
# `viz.flow` sends one batch through a network and shows for each layer how large its values (size) and
# gradients are, and which share of its values is saturated.

# %%
images, labels = data.load_digits()
pictures = cr.from_numpy(images[:300].reshape(-1, 64) / 16).float()
pictures = (pictures - pictures.mean()) / pictures.std()
classes = cr.from_numpy(labels[:300])


def tanh_network(std_of):
    cr.manual_seed(0)
    net = models.MLP(64, 32, 32, 32, 10, activation=nn.Tanh)
    for layer in net.layers[::2]:
        nn.init.normal_(layer.weight, std=std_of(layer.in_features))
        nn.init.zeros_(layer.bias)
    return net


viz.flow(tanh_network(lambda n: 1.0), pictures, classes, loss_fn=F.cross_entropy)

# %%
viz.flow(tanh_network(lambda n: n**-0.5), pictures, classes, loss_fn=F.cross_entropy)

# %% [markdown]
# In the first network two thirds or more of the values are saturated, in every layer: hardly any
# gradient comes through them. What does come through is made large again by the large weights, so the
# sizes alone would not tell you. In the second network hardly any value is saturated.
#
# ## A short way back: residual paths
#
# A **residual** block computes $x + f(x)$ where a plain one computes $f(x)$: the input takes part in
# the output on a bypass. Its slope is $1 + f'$.
#
# **On paper:** ten blocks in a row, each with $f' = 0.1$. What factor does a gradient keep without
# the bypass? And with it?

# %%
x = cr.tensor(1.0, dtype=cr.float64, requires_grad=True)
plain = residual = x
for _ in range(10):
    plain = 0.1 * plain
    residual = residual + 0.1 * residual

# [solution]
without_bypass = 0.1**10
with_bypass = 1.1**10
# [hole]
# without_bypass = ...
# with_bypass = ...
# [mistake] slopes of a chain are multiplied
# without_bypass = 10 * 0.1
# with_bypass = 1.1**10
# [mistake] every block has its own bypass
# without_bypass = 0.1**10
# with_bypass = 1 + 0.1**10
# [mistake] products of the two kinds of route
# without_bypass = 0.1**10
# with_bypass = 1 + 10 * 0.1
# [another]
# without_bypass = 1e-10
# with_bypass = math.exp(10 * math.log(1.1))
# [end]
check.value(
    without_bypass,
    of=cr.autograd.grad(plain, x)[0],
    name="the factor without the bypass",
    mistakes={"the slopes of a chain are multiplied, not added": 10 * 0.1},
)
check.value(
    with_bypass,
    of=cr.autograd.grad(residual, x)[0],
    name="the factor with it",
    mistakes={
        "every block has its own bypass: the slope of each is 1 + 0.1": 1 + 0.1**10,
        "there are ten blocks, and that is one": 1.1,
        "the products of the two kinds of route are missing": 1 + 10 * 0.1,
    },
)

# %% [markdown]
# Written out, $1.1^{10}$ is a sum over $2^{10}$ routes: through each block either the bypass or $f$.
# The route of all bypasses alone carries a full 1. So the gradient reaches the first block even where
# no $f$ lets any through.
#
# ## One size on the way: normalisation
#
# **Batch normalisation** takes the values $z$ of a layer for a whole batch, one row for each record.
# From each *column* (each unit) it subtracts the mean over the batch, and divides by the standard
# deviation:
#
# $$\hat z = \frac{z - \text{mean}(z)}{\sqrt{\text{var}(z) + \varepsilon}} \qquad \varepsilon = 10^{-5}$$
#
# The variance is the mean squared distance from the mean, so it divides by the number of rows. Write
# it. `z.mean(0)` is the mean over the rows.


# %%
def batch_norm(z, eps=1e-5):
    # [solution]
    mean = z.mean(0)
    variance = ((z - mean) ** 2).mean(0)
    return (z - mean) / (variance + eps).sqrt()
    # [hole]
    # return ...
    # [mistake] over each row
    # mean = z.mean(1, keepdim=True)
    # variance = ((z - mean) ** 2).mean(1, keepdim=True)
    # return (z - mean) / (variance + eps).sqrt()
    # [mistake] over all elements
    # return (z - z.mean()) / (z.var(correction=0) + eps).sqrt()
    # [mistake] divided by the variance
    # mean = z.mean(0)
    # variance = ((z - mean) ** 2).mean(0)
    # return (z - mean) / (variance + eps)
    # [mistake] n − 1
    # return (z - z.mean(0)) / (z.var(0) + eps).sqrt()
    # [another]
    # return (z - z.mean(0)) / (z.var(0, correction=0) + eps).sqrt()
    # [end]


cr.manual_seed(0)
batch = 3 * cr.randn(6, 4) + 7


def by_n_minus_1(z):
    return (z - z.mean(0)) / (z.var(0) + 1e-5).sqrt()


check.value(
    batch_norm,
    of=lambda z: F.batch_norm(z, None, None, training=True),
    at=[batch, cr.tensor([[1.0, 0.0], [3.0, 8.0]])],
    name="batch normalisation",
    mistakes={
        "that is taken over each row: layer normalisation": lambda z: F.layer_norm(z, z.shape[1:]),
        "divided by the variance, not by its root": lambda z: (
            (z - z.mean(0)) / (z.var(0, correction=0) + 1e-5)
        ),
        "this variance divides by n − 1": by_n_minus_1,
        "mean and variance over all elements, not of each column": lambda z: (
            (z - z.mean()) / (z.var(correction=0) + 1e-5).sqrt()
        ),
        "the division is missing": lambda z: z - z.mean(0),
        "the variance is a mean, not a sum": lambda z: (
            (z - z.mean(0)) / (z.var(0, correction=0) * len(z) + 1e-5).sqrt()
        ),
    },
)

# %% [markdown]
# The same formula along each *row*, over the units of one record, is **layer normalisation**. It
# needs no batch. Both have two more parameters for each unit, a scale and a shift, so that the
# network can undo what does not suit it.
#
# In training, batch normalisation depends on who else is in the batch. To judge a single record, it
# uses means and variances that it has collected in training. `.eval()` switches:

# %%
layer = nn.BatchNorm1d(4)
for _ in range(100):
    layer(batch)  # in training, each call moves the collected numbers by a tenth
one = batch[:1]
print("in training:  ", [round(value, 2) for value in layer(batch)[0].tolist()])
print("alone, eval():", [round(value, 2) for value in layer.eval()(one)[0].tolist()])

# %% [markdown]
# The two rows differ a little: the collected variance divides by $n - 1$, as an estimate for records
# not seen does.
#
# ## Twenty layers
#
# Now train 20 layers with ReLU on 300 handwritten digits, four times: with small weights, with He's,
# with small weights and batch normalisation, and as residual blocks. **Predict** the order in which
# they will stand.


# %%
class Block(nn.Module):
    def __init__(self, n, std, norm=False, bypass=False):
        super().__init__()
        self.linear, self.bypass = nn.Linear(n, n), bypass
        self.norm = nn.BatchNorm1d(n) if norm else nn.Identity()
        nn.init.normal_(self.linear.weight, std=std)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        new = self.norm(self.linear(x)).relu()
        return x + new if self.bypass else new


def losses_of(std, steps=40, **kind):
    cr.manual_seed(0)
    blocks = [Block(32, std, **kind) for _ in range(20)]
    net = nn.Sequential(nn.Linear(64, 32), *blocks, nn.Linear(32, 10))
    descent, losses = cr.optim.Adam(net.parameters(), lr=0.003), []
    for _ in range(steps):
        descent.zero_grad()
        loss = F.cross_entropy(net(pictures), classes)
        loss.backward()
        descent.step()
        losses.append(loss.item())
    return losses


curves = {
    "small weights": losses_of(0.05),
    "He": losses_of(math.sqrt(2 / 32)),
    "small, batch norm": losses_of(0.05, norm=True),
    "small, residual": losses_of(0.05, bypass=True),
}
for name, losses in curves.items():
    print(f"{name:17} first loss {losses[0]:.2f}, last {losses[-1]:.3f}")
viz.learning_curves(curves, "Twenty layers, 40 steps", x="step", y="cross-entropy (nats)", log=True)

# %% [markdown]
# The small weights alone do not learn at all: the loss stays at $\log 10 \approx 2.3$, that of a
# guess among ten classes. Each of the remedies mends it.
#
# ## Dropout, and a mistake made on purpose
#
# A network that trains well may learn its data by heart. **Dropout** works against that: in training
# it sets each value to 0 with probability $p$, and divides the others by $1 - p$. **Predict:** which
# values come out for an input of ones and $p = 0.5$, and what is their mean?

# %%
cr.manual_seed(0)
layer = nn.Dropout(0.5)
ones = cr.ones(1000)
dropped = layer(ones)
print("in training:", dropped[:8].tolist(), "  mean of all:", round(dropped.mean().item(), 2))
print("in eval():  ", layer.eval()(ones)[:8].tolist())

# %% [markdown]
# The division keeps the mean near 1, so that the next layer meets values of the size that it will
# meet later. And now the mistake: to judge with a network that is still in training mode.

# %%
net = models.MLP(64, 32, 10, dropout=0.5)
scores = [round(net(pictures[:1])[0, 0].item(), 3) for _ in range(4)]
print("the same picture, four times:    ", scores)
net.eval()
scores = [round(net(pictures[:1])[0, 0].item(), 3) for _ in range(4)]
print("the same picture, after eval():  ", scores)

# %% [markdown]
# Call `.eval()` before you judge, and `.train()` before you go on training. Notebook 15 measures what
# dropout is good for.
#
# ## In words
#
# 1. Why do two hidden units with equal weights stay equal for ever, and why do random biases alone
#    also break the symmetry?
# 2. He's rule has a 2 that LeCun's has not. Where does it come from?
# 3. Without any bypass the gradient of the first block is a product. With bypasses it is a sum of
#    products. Why can one dead block stop the first and not the second?
#
# ## Open exercise
#
# SELU is an activation made so that LeCun's weights drive the mean square of a deep network to 1 by
# themselves. Test it: `through(std, 256, F.selu, layers=50)` with LeCun's spread, with half of it and
# with twice as much. Then find the spread that works best for `F.leaky_relu`, first by thought, then by
# measurement.
#
# ## Where this lives
#
# The rules of initialisation are [`nn/init.py`](../nn/init.py), the normalising layers
# [`nn/norm.py`](../nn/norm.py), dropout is [`nn/dropout.py`](../nn/dropout.py), and the chart is
# [`viz/flow_view.py`](../viz/flow_view.py). `help(cr.nn.init.kaiming_normal_)` is a reference entry.
# The next part of the course, from 15 · Fitting well on, is still to come.
