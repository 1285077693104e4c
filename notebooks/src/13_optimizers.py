# %% [markdown]
# # 13 · Optimizers
#
# | | |
# |---|---|
# | **You will be able to** | write the usual update rules from their formulas, choose a learning rate, and say how the lecture's forms differ from the library's |
# | **You need** | notebook 12 (a training loop); pencil and paper |
# | **Time** | 25 minutes |
# | **Rows** | O |
#
# A gradient says in which direction the loss grows. An **optimizer** turns gradients into steps.
# Each rule of this notebook fits into a few lines. You will write three of them, compare them with
# the library's, and let all rules race through one valley.

# %%
import numpy as np

import chainrule as cr
from chainrule import optim, viz
from chainrule.data import DataLoader
from chainrule.teach import check

# %% [markdown]
# ## One step
#
# **Gradient descent** goes against the gradient $g$. The **learning rate** $\alpha$ says how far:
#
# $$w \leftarrow w - \alpha\, g$$
#
# Take $f(w) = w^2$ and start at $w = 3$. **On paper:** where is $w$ after one step with
# $\alpha = 0.02$? With 0.4? With 1.1? And where would the next steps lead?


# %%
def after_one_step(lr):
    w = cr.tensor(3.0, dtype=cr.float64, requires_grad=True)
    (w**2).backward()
    optim.SGD([w], lr=lr).step()
    return w.item()


# [solution]
my_w = [3 - 0.02 * 6, 3 - 0.4 * 6, 3 - 1.1 * 6]
# [hole]
# my_w = [..., ..., ...]  # after one step with 0.02, with 0.4, with 1.1
# [mistake] uphill
# my_w = [3 + 0.02 * 6, 3 + 0.4 * 6, 3 + 1.1 * 6]
# [mistake] the value of f was used
# my_w = [3 - 0.02 * 9, 3 - 0.4 * 9, 3 - 1.1 * 9]
# [mistake] the derivative of w² is 2w
# my_w = [3 - 0.02 * 3, 3 - 0.4 * 3, 3 - 1.1 * 3]
# [mistake] the step alone
# my_w = [0.02 * 6, 0.4 * 6, 1.1 * 6]
# [another]
# my_w = [3 * (1 - 2 * lr) for lr in (0.02, 0.4, 1.1)]
# [end]
rates = np.array([0.02, 0.4, 1.1])
slips = {
    "that is a step uphill: go against the gradient": 3 + rates * 6,
    "the value of f was used for its slope": 3 - rates * 9,
    "the derivative of w² is 2w, not w": 3 - rates * 3,
    "the derivative of w² is 2w, and w is 3": 3 - rates * 2,
    "the learning rate is missing": 3 - 6 + 0 * rates,
    "that is the step alone: take it from 3": rates * 6,
    "that is after two steps": 3 * (1 - 2 * rates) ** 2,
}
check.value(my_w, of=[after_one_step(lr) for lr in rates], name="w after one step", mistakes=slips)

# %% [markdown]
# Five steps with each rate, all from $w = 3$:

# %%
w = np.linspace(-8, 8, 49)
plot = viz.Plot("Gradient descent on w²: too small, right, too large", x="w", y="w²")
plot.axes.plot(w, w**2, label="w²", color="black", linewidth=0.8)
for lr, marker in ((0.02, "o"), (0.4, "s"), (1.1, "^")):
    path = 3 * (1 - 2 * lr) ** np.arange(6)  # each step multiplies w by 1 - 2 lr
    plot.axes.plot(path, path**2, marker=marker, label=f"rate {lr}")
plot.axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
plot

# %% [markdown]
# The gradient is $2w$, so each step multiplies $w$ by $1 - 2\alpha$. With 0.02 this factor is
# 0.96: $w$ shrinks, but slowly. With 0.4 it is 0.2. With 1.1 it is $-1.2$: $w$ jumps to the other
# side and lands farther out each time. The descent comes to the minimum only if
# $|1 - 2\alpha| < 1$.
#
# ## A valley
#
# With several weights one rate has to serve all directions. Our test is a long valley,
#
# $$f(x, y) = \tfrac12 (x^2 + 20\, y^2),$$
#
# with the gradient $(x, 20y)$ and the minimum at $(0, 0)$. A step multiplies $y$ by $1 - 20\alpha$
# (across the valley) and $x$ by $1 - \alpha$ (along it). **Predict:** below which rate does the
# descent converge? By which factor does $x$ then shrink?
#
# From here on a rule is a function: it takes the gradient and returns the step. A rule that
# remembers something takes its memory as further arguments and returns it after the step. `walk`
# applies a rule again and again.


# %%
def valley(x, y):
    return 0.5 * (x**2 + 20 * y**2)


def gradient(p):
    p = cr.tensor(p, requires_grad=True)
    valley(p[0], p[1]).backward()
    return p.grad.numpy()


def walk(rule, steps=60, **options):
    points, memory = [np.array([-2.5, 1.5])], ()
    for _ in range(steps):
        step, *memory = rule(gradient(points[-1]), *memory, **options)
        points.append(points[-1] + step)
    return np.array(points)


def gradient_descent(g, lr=0.04):
    return (-lr * g,)


for lr in (0.001, 0.04, 0.09, 0.11):
    x, y = walk(gradient_descent, lr=lr)[-1]
    print(f"learning rate {lr:5}: after 60 steps x = {x:.2g}, y = {y:.2g}, f = {valley(x, y):.2g}")

# %% [markdown]
# Beyond $\alpha = 2/20 = 0.1$ the walk flies out across the valley. The steep direction sets the
# limit, and in the flat direction $x$ shrinks by less than a tenth in each step. Most rules below
# are answers to this.
#
# ## Records, batches, epochs
#
# A loss over a data set is a mean over its records, and so is its gradient. You may take the mean
# over all records (**batch** gradient descent), over one (**stochastic** gradient descent, SGD), or
# over a few (**mini-batch**). One update is an **iteration**; once through all records is an
# **epoch**.
#
# **On paper:** how many iterations are
#
# 1. one epoch over 1,000 records in batches of 10;
# 2. one epoch over 1,000,000 records in batches of 1,000;
# 3. five epochs over 1,050 records in batches of 100? (No record is left out.)

# %%
# [solution]
my_iterations = [1000 // 10, 1_000_000 // 1000, 5 * 11]
# [hole]
# my_iterations = [..., ..., ...]
# [mistake] the last batch of each epoch is smaller
# my_iterations = [100, 1000, 50]
# [mistake] one epoch
# my_iterations = [100, 1000, 11]
# [mistake] how many records a batch has
# my_iterations = [10, 1000, 100]
# [mistake] its own small batch
# my_iterations = [100, 1000, 53]
# [another]
# my_iterations = [100, 1000, 5 * -(-1050 // 100)]
# [end]
plans = [(1000, 10, 1), (1_000_000, 1000, 1), (1050, 100, 5)]
truth = [n * len(DataLoader(range(records), batch_size=size)) for records, size, n in plans]
slips = {
    "the last batch of each epoch is smaller, and it counts": [n * (r // s) for r, s, n in plans],
    "number 3 asks for five epochs, that is one epoch": [-(-r // s) for r, s, _ in plans],
    "that is how many records a batch has": [s for _, s, _ in plans],
    "each epoch ends with its own small batch": [-(-n * r // s) for r, s, n in plans],
    "there is no half iteration: the small batch is one, too": [n * r / s for r, s, n in plans],
}
check.value(my_iterations, of=truth, name="the iterations", mistakes=slips)

# %% [markdown]
# The three kinds side by side: a line $y = wx + b$ is fitted to 200 records, four epochs each, with
# the same learning rate. **Predict** which walk is smooth, and which comes closest to the minimum.

# %%
rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, 200)
T = 1.5 * X - 0.5 + 0.4 * rng.normal(size=200)


def line_fit(size, epochs=4, decay=0.0):
    w = cr.zeros(2, dtype=cr.float64, requires_grad=True)
    points, optimizer = [w.tolist()], optim.SGD([w], lr=0.1)
    schedule = optim.lr_scheduler.LambdaLR(optimizer, lambda k: 1 / (1 + decay * (k + 1)))
    for _ in range(epochs):
        for rows in np.split(rng.permutation(200), 200 // size):
            optimizer.zero_grad()
            ((w[0] * cr.tensor(X[rows]) + w[1] - cr.tensor(T[rows])) ** 2).mean().backward()
            optimizer.step()
            points.append(w.tolist())
        schedule.step()  # without decay it changes nothing; see the end of this notebook
    return np.array(points)


kinds = {"one record (SGD)": 1, "mini-batches of 20": 20, "all 200 (batch)": 200}
paths = {name: line_fit(size) for name, size in kinds.items()}
for name, path in paths.items():
    print(f"{name:18} {len(path) - 1:4} steps, to", path[-1].round(2))
print("best line               at", np.polyfit(X, T, 1).round(2))


# %%
def mean_squared_error(w, b):
    return sum((w * x + b - t) ** 2 for x, t in zip(X, T, strict=True)) / 200


paths["one record (SGD)"] = paths["one record (SGD)"][::8]  # one point in eight is drawn
plot = viz.loss_surface(
    mean_squared_error,
    paths=paths,
    range_x=(-0.4, 2.4),
    range_y=(-1.2, 0.4),
    steps=15,
    levels=4,
    title="Four epochs, one learning rate",
    x="w",
    y="b",
)
plot.axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
plot

# %% [markdown]
# The batch walk is smooth, but it has taken only four steps. The mini-batches took forty steps
# over the same records, and came near the minimum. Single records took 800. Their gradients point
# in different directions, so the walk wanders about near the minimum and does not come to rest.
# The cure is a rate that falls; it comes at the end.
#
# ## Momentum
#
# A walk with a large rate zig-zags: across the valley the gradient changes its sign from step to
# step, along the valley it keeps it. So take an average over the past gradients. What changes its
# sign cancels, what keeps it stays. The lecture uses the **exponentially weighted average** (EWA)
# of values $a_1, a_2, \ldots$:
#
# $$V_t = \beta V_{t-1} + (1 - \beta)\, a_t$$
#
# With $\beta = 0.95$ and $V_1 = a_1$ this gives $V_2 = 0.95\,a_1 + 0.05\,a_2$. **On paper:** with
# which weights do $a_1$, $a_2$ and $a_3$ stand in $V_3$? Autograd can tell, because the weight of
# $a_1$ is $\partial V_3 / \partial a_1$:

# %%
a = cr.tensor([4.0, -1.0, 2.0], requires_grad=True)
V2 = 0.95 * a[0] + 0.05 * a[1]
V3 = 0.95 * V2 + 0.05 * a[2]
V3.backward()
print([round(weight, 4) for weight in a.grad.tolist()])

# %% [markdown]
# Each step back multiplies the weight by $\beta$. The average reaches back about
# $\frac{1}{1 - \beta}$ values: 10 for $\beta = 0.9$, 20 for $\beta = 0.95$.
#
# **Momentum** steps along the average of the gradients, which starts at 0:
#
# $$V \leftarrow \beta V + (1 - \beta)\, g, \qquad w \leftarrow w - \alpha V$$
#
# The library adds the gradient without the factor, $V \leftarrow \beta V + g$. So its $V$ is
# $\frac{1}{1 - \beta}$ times as large, and with the learning rate $\alpha (1 - \beta)$ it takes
# the same steps.
#
# Write the lecture's rule. The check sends four gradients through your function (`along`) and
# through `optim.SGD` (`library`) and compares the steps.

# %%
GRADIENTS = np.array([[2.0, -1.0], [1.5, 3.0], [-0.5, 2.0], [0.1, -4.0]])


def along(rule, **options):
    def steps(gradients):
        found, memory = [], ()
        for g in gradients:
            step, *memory = rule(g, *memory, **options)
            found.append(step)
        return found

    return steps


def library(kind, **options):
    def steps(gradients):
        w = cr.zeros(2, dtype=cr.float64, requires_grad=True)
        optimizer, points = kind([w], **options), [np.zeros(2)]
        for g in gradients:
            w.grad = cr.tensor(g)
            optimizer.step()
            points.append(w.detach().numpy().copy())
        return np.diff(points, axis=0)

    return steps


# %%
def momentum(g, V=0.0, lr=0.1, beta=0.9):
    # [solution]
    V = beta * V + (1 - beta) * g
    step = -lr * V
    # [hole]
    # V = ...
    # step = ...
    # [mistake] the factor 1 − β is missing
    # V = beta * V + g
    # step = -lr * V
    # [mistake] β and 1 − β are exchanged
    # V = (1 - beta) * V + beta * g
    # step = -lr * V
    # [mistake] the past is left out
    # V = (1 - beta) * g
    # step = -lr * V
    # [mistake] wrong sign
    # V = beta * V + (1 - beta) * g
    # step = lr * V
    # [mistake] along V, not along g
    # V = beta * V + (1 - beta) * g
    # step = -lr * g
    # [another]
    # V = V + (1 - beta) * (g - V)
    # step = -V * lr
    # [end]
    return step, V


momentum_is_right = check.value(
    along(momentum, lr=0.3),
    of=library(optim.SGD, lr=0.3 * (1 - 0.9), momentum=0.9),
    at=[(GRADIENTS,)],
    name="momentum",
    mistakes={
        "the factor 1 − β is missing": library(optim.SGD, lr=0.3, momentum=0.9),
        "the weights β and 1 − β are exchanged": library(optim.SGD, lr=0.3 * 0.9, momentum=0.1),
        "the past is left out": library(optim.SGD, lr=0.3 * (1 - 0.9)),
        "the old V is not multiplied by β": library(optim.SGD, lr=0.3 * (1 - 0.9), momentum=1.0),
        "the step goes along V, not along g": library(optim.SGD, lr=0.3),
        "the learning rate is missing": library(optim.SGD, lr=1 - 0.9, momentum=0.9),
    },
)

# %% [markdown]
# **Nesterov's** momentum looks ahead: it takes the gradient at the place to which $V$ is about to
# carry the weights. The library keeps the weights at that place. Then the rule, here without the
# factor $1 - \beta$, is:


# %%
def nesterov(g, V=0.0, lr=0.01, beta=0.9):
    V = beta * V + g
    return -lr * (g + beta * V), V


# %% [markdown]
# ## A rate for each weight
#
# The other idea: divide each element of the gradient by its usual size. Then a steep direction and
# a flat one are walked at the same pace. **AdaGrad** divides by the root of the sum of all squares
# so far. This is the lecture's form:
#
# $$G \leftarrow G + g^2, \qquad w \leftarrow w - \frac{\alpha\, g}{\sqrt{G + \varepsilon}}$$
#
# $\varepsilon$ is a tiny number against division by zero. $G$ can only grow, so the rate can only
# fall. **RMSProp** forgets old gradients, because it takes an average of the squares:
#
# $$v \leftarrow \beta v + (1 - \beta)\, g^2, \qquad
# w \leftarrow w - \frac{\alpha\, g}{\sqrt{v} + \varepsilon}$$
#
# Write RMSProp. $g$ and $v$ are arrays, and all operations work element by element.


# %%
def adagrad(g, G=0.0, lr=0.5, eps=1e-10):
    G = G + g**2
    return -lr * g / np.sqrt(G + eps), G


def rmsprop(g, v=0.0, lr=0.1, beta=0.9, eps=1e-8):
    # [solution]
    v = beta * v + (1 - beta) * g**2
    step = -lr * g / (np.sqrt(v) + eps)
    # [hole]
    # v = ...
    # step = ...
    # [mistake] the squares are summed
    # v = v + g**2
    # step = -lr * g / (np.sqrt(v) + eps)
    # [mistake] the root is missing
    # v = beta * v + (1 - beta) * g**2
    # step = -lr * g / (v + eps)
    # [mistake] β and 1 − β are exchanged
    # v = (1 - beta) * v + beta * g**2
    # step = -lr * g / (np.sqrt(v) + eps)
    # [mistake] wrong sign
    # v = beta * v + (1 - beta) * g**2
    # step = lr * g / (np.sqrt(v) + eps)
    # [mistake] the factor 1 − β is missing
    # v = beta * v + g**2
    # step = -lr * g / (np.sqrt(v) + eps)
    # [another]
    # v = v - (1 - beta) * (v - g * g)
    # step = -lr * g * (v**0.5 + eps) ** -1
    # [end]
    return step, v


def without_root(g, v=0.0):
    v = 0.9 * v + 0.1 * g**2
    return -0.3 * g / (v + 1e-8), v


rmsprop_is_right = check.value(
    along(rmsprop, lr=0.3),
    of=library(optim.RMSprop, lr=0.3, alpha=0.9),
    at=[(GRADIENTS,)],
    name="RMSProp",
    mistakes={
        "the squares are summed; that is AdaGrad": library(optim.Adagrad, lr=0.3),
        "the root is missing": along(without_root),
        "the weights β and 1 − β are exchanged": library(optim.RMSprop, lr=0.3, alpha=0.1),
        "the factor 1 − β is missing": library(optim.RMSprop, lr=0.3 * 0.1**0.5, alpha=0.9),
        "the gradient in the numerator is missing": lambda gradients: (
            library(optim.RMSprop, lr=0.3, alpha=0.9)(gradients) / gradients
        ),
        "the old v is left out": lambda gradients: -0.3 * np.sign(gradients) / 0.1**0.5,
        "the learning rate is missing": library(optim.RMSprop, lr=1.0, alpha=0.9),
    },
)

# %% [markdown]
# **AdaDelta** also averages the squares of its own steps, and puts the root of that average in the
# place of the learning rate. So its steps have the unit of the weights. The library has a learning
# rate all the same, a factor that is usually 1. Here it is 10, because the first steps are very
# small:


# %%
def adadelta(g, v=0.0, u=0.0, lr=10.0, beta=0.9, eps=1e-6):
    v = beta * v + (1 - beta) * g**2
    step = -np.sqrt(u + eps) / np.sqrt(v + eps) * g
    u = beta * u + (1 - beta) * step**2
    return lr * step, v, u


# %% [markdown]
# ## Adam
#
# **Adam** joins the two ideas: an average $m$ of the gradients, and an average $v$ of their
# squares. Both start at 0, so at first both are too small: after $t$ steps the weights in $m$ add
# up to $1 - \beta_1^t$ and not to 1. To divide by this sum is the **bias correction**:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1)\, g, \qquad \hat m = \frac{m}{1 - \beta_1^t}$$
#
# $$v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2, \qquad \hat v = \frac{v}{1 - \beta_2^t}$$
#
# $$w \leftarrow w - \frac{\alpha\, \hat m}{\sqrt{\hat v} + \varepsilon}$$
#
# $t$ is 1 in the first step. **Predict** the size of the first step, whatever the gradient is.
# Then write the rule.


# %%
def adam(g, m=0.0, v=0.0, t=0, lr=0.2, beta1=0.9, beta2=0.999, eps=1e-8):
    t = t + 1
    # [solution]
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    step = -lr * m_hat / (np.sqrt(v_hat) + eps)
    # [hole]
    # m = ...
    # v = ...
    # m_hat = ...
    # v_hat = ...
    # step = ...
    # [mistake] without the bias correction
    # m = beta1 * m + (1 - beta1) * g
    # v = beta2 * v + (1 - beta2) * g**2
    # step = -lr * m / (np.sqrt(v) + eps)
    # [mistake] v is not corrected
    # m = beta1 * m + (1 - beta1) * g
    # v = beta2 * v + (1 - beta2) * g**2
    # m_hat = m / (1 - beta1**t)
    # step = -lr * m_hat / (np.sqrt(v) + eps)
    # [mistake] β₁ and β₂ are exchanged
    # m = beta2 * m + (1 - beta2) * g
    # v = beta1 * v + (1 - beta1) * g**2
    # m_hat = m / (1 - beta2**t)
    # v_hat = v / (1 - beta1**t)
    # step = -lr * m_hat / (np.sqrt(v_hat) + eps)
    # [mistake] wrong sign
    # m = beta1 * m + (1 - beta1) * g
    # v = beta2 * v + (1 - beta2) * g**2
    # step = lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    # [another]
    # m = beta1 * m + (1 - beta1) * g
    # v = beta2 * v + (1 - beta2) * g**2
    # rate = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    # step = -rate * m / (np.sqrt(v) + eps * np.sqrt(1 - beta2**t))
    # [end]
    return step, m, v, t


t = np.arange(1, 5)[:, None]
sum1, sum2 = 1 - 0.9**t, 1 - 0.999**t  # what the weights in m and in v add up to


def times(factor):
    return lambda gradients: library(optim.Adam, lr=0.2)(gradients) * factor


adam_is_right = check.value(
    along(adam),
    of=library(optim.Adam, lr=0.2),
    at=[(GRADIENTS,)],
    name="Adam",
    mistakes={
        "without the bias correction": times(sum1 / np.sqrt(sum2)),
        "the average m is not corrected": times(sum1),
        "the average v is not corrected": times(1 / np.sqrt(sum2)),
        "in the correction the power t is missing": times(sum1 / 0.1 * np.sqrt(0.001 / sum2)),
        "the factors 1 − β₁ and 1 − β₂ are missing": times(np.sqrt(0.001) / 0.1),
        "the learning rate is missing": library(optim.Adam, lr=1.0),
        "the two numbers β₁ and β₂ are exchanged": library(optim.Adam, lr=0.2, betas=(0.999, 0.9)),
    },
)

# %% [markdown]
# ## Second order
#
# The rules above learn about the valley from past gradients. **Newton's method** computes its
# curvature: with the matrix $H$ of second derivatives (the Hessian) the step is $-H^{-1} g$.
# **L-BFGS** estimates $H^{-1} g$ from the last few steps and gradients. It also searches for a good
# length of the step, and for that it computes $f$ several times. So both take a function, the
# *closure*, that computes the loss anew.


# %%
def library_walk(kind, steps=60, **options):
    p = cr.tensor([-2.5, 1.5], dtype=cr.float64, requires_grad=True)
    optimizer, points = kind([p], **options), [p.tolist()]

    def closure():
        optimizer.zero_grad()
        f = valley(p[0], p[1])
        if kind is not optim.Newton:  # which differentiates by itself, twice
            f.backward()
        return f

    for _ in range(steps):
        optimizer.step(closure)
        points.append(p.tolist())
    return np.array(points)


# %% [markdown]
# ## The race
#
# All start at $(-2.5, 1.5)$. **Predict:** which rules swing from side to side, which set off
# straight towards the minimum, and which run past it?

# %%
rules = {"gradient descent": gradient_descent, "Nesterov": nesterov}
rules |= {"AdaGrad": adagrad, "AdaDelta": adadelta}
rules |= {"momentum": momentum} if momentum_is_right else {}
rules |= {"RMSProp": rmsprop} if rmsprop_is_right else {}
rules |= {"Adam": adam} if adam_is_right else {}
paths = {name: walk(rule) for name, rule in rules.items()}
paths["L-BFGS"] = library_walk(optim.LBFGS, max_iter=1, line_search_fn="strong_wolfe")
paths["Newton"] = library_walk(optim.Newton)
print("f after steps           1        3       10       30       60")
for name, path in paths.items():
    f = valley(*path.T)
    print(f"{name:18}", *[f"{f[k]:8.0e}" for k in (1, 3, 10, 30, 60)])

# %%
drawn = {name: path for name, path in paths.items() if name not in ("AdaDelta", "L-BFGS")}
title, box = "Sixty steps in the valley", {"range_x": (-3, 1), "range_y": (-1.8, 1.8)}
viz.loss_surface(valley, paths=drawn, steps=17, levels=4, title=title, **box)

# %% [markdown]
# Gradient descent goes down the steep side and then creeps. Momentum swings from side to side;
# Nesterov looks ahead and swings less. AdaGrad, RMSProp and Adam divide by the size of the
# gradient, so they set off diagonally; the average in Adam carries it past the minimum. Newton's
# first step ends at the minimum, because for a quadratic function the step $-H^{-1} g$ is exact.
#
# This is no ranking. The learning rates were chosen for this valley, and the loss of a network is
# no quadratic function. Newton's method has its price, too: the Hessian of a million weights has
# $10^{12}$ elements.
#
# ## The lecture's forms and the library's
#
# The library follows PyTorch. The lecture's formulas differ from it in four places:
#
# | | lecture | library |
# |---|---|---|
# | momentum | $V = \beta V + (1 - \beta) g$ | $V = \beta V + g$ |
# | AdaGrad | $g / \sqrt{G + \varepsilon}$ | $g / (\sqrt{G} + \varepsilon)$ |
# | Adam | $m / (\sqrt v + \varepsilon)$ | $\hat m / (\sqrt{\hat v} + \varepsilon)$ |
# | AdaDelta | the formula of RMSProp | two averages, as above |
#
# **Predict** for each when it matters: always, in the first steps, or for tiny gradients only?


# %%
def lecture_adam(g, m=0.0, v=0.0):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    return -0.2 * m / (np.sqrt(v) + 1e-8), m, v


def f_along(path):
    return valley(*path.T)


number, size = np.arange(1, 31), 10.0 ** np.arange(-8, 1.1, 0.5)
ones = [np.ones(2)] * 30  # the gradient (1, 1), thirty times
plot = viz.Plot("The lecture's forms and the library's", rows=2, columns=2, size=(7, 5))
a, b, c, d = plot.axes.flat
for lr in (0.1, 0.01):
    a.plot(f_along(library_walk(optim.SGD, 30, lr=lr, momentum=0.9)), label=f"library, {lr}")
if momentum_is_right:
    a.plot(f_along(walk(momentum, 30)), label="lecture, 0.1")
b.plot(size, size / np.sqrt(size**2 + 1e-10), label="lecture")
b.plot(size, size / (size + 1e-10), label="library")
c.plot(number, [-step[0] / 0.2 for step in along(lecture_adam)(ones)], label="lecture")
c.plot(number, [-step[0] / 0.2 for step in library(optim.Adam, lr=0.2)(ones)], label="library")
d.plot(f_along(library_walk(optim.RMSprop, 30, lr=0.1, alpha=0.9)), label="lecture, 0.1")
d.plot(f_along(library_walk(optim.Adadelta, 30, lr=10.0)), label="library, 10")
a.set(title="momentum", xlabel="step", ylabel="f in the valley")
b.set(title="AdaGrad, first step", xlabel="gradient", ylabel="step / rate", xscale="log")
c.set(title="Adam, the gradient stays 1", xlabel="step", ylabel="step / rate")
d.set(title="AdaDelta", xlabel="step", ylabel="f in the valley")
plot

# %% [markdown]
# - **Momentum:** with the same learning rate the two differ always; the library's steps are ten
#   times as long. With $\alpha (1 - \beta) = 0.01$ its line lies on the lecture's.
# - **AdaGrad:** the difference is seen only for tiny gradients. Here $\varepsilon$ is $10^{-10}$.
#   Inside the root it damps gradients below $\sqrt{\varepsilon} = 10^{-5}$, outside only those
#   below $10^{-10}$.
# - **Adam:** the first steps differ. With the correction, the very first is as long as the
#   learning rate. Without it, it is $(1 - \beta_1) / \sqrt{1 - \beta_2} = \sqrt{10}$ times as
#   long, and the next ones are longer still, because $m$ grows to its full size before $v$ does.
# - **AdaDelta:** these are two different rules. Zeiler's AdaDelta, the library's, begins with very
#   small steps, because its average of squared steps starts at 0.
#
# ## A rate that falls
#
# The walk with single records did not come to rest. The lecture lets the rate fall from epoch to
# epoch, and counts the epochs from 1:
#
# $$\alpha = \frac{\alpha_0}{1 + \text{decay} \cdot \text{epoch}}$$
#
# **On paper:** $\alpha$ in the first four epochs, for $\alpha_0 = 0.2$ and a decay of 1.
#
# In the library a *schedule* changes the rate of an optimizer. `LambdaLR` multiplies $\alpha_0$ by
# a function of the epoch $k$. **A mistake made on purpose:** the first line types the formula as
# it stands.


# %%
def rates_of(kind, option, epochs=4, **more):
    optimizer = optim.SGD([cr.zeros(1, requires_grad=True)], lr=0.2)
    schedule, rates = kind(optimizer, option, **more), []
    for _ in range(epochs):
        rates.append(round(schedule.get_last_lr()[0], 3))
        optimizer.step()
        schedule.step()
    return rates


LambdaLR = optim.lr_scheduler.LambdaLR
print("as it stands:  ", rates_of(LambdaLR, lambda k: 1 / (1 + 1 * k)))
print("epochs from 1: ", rates_of(LambdaLR, lambda k: 1 / (1 + 1 * (k + 1))))

# %% [markdown]
# `LambdaLR` counts from 0, so the first epoch was trained with the full 0.2. The second line has
# the lecture's rates.
#
# Other schedules fall in other forms: `StepLR` halves the rate every five epochs here, and
# `CosineAnnealingLR` takes it along half a wave of the cosine towards 0.

# %%
plot = viz.Plot("Three schedules for α₀ = 0.2", x="epoch", y="learning rate", size=(5, 2.6))
epoch = range(1, 21)
plot.axes.plot(epoch, rates_of(LambdaLR, lambda k: 1 / (2 + k), 20), label="the lecture's")
plot.axes.plot(epoch, rates_of(optim.lr_scheduler.StepLR, 5, 20, gamma=0.5), label="StepLR")
plot.axes.plot(epoch, rates_of(optim.lr_scheduler.CosineAnnealingLR, 20, 20), label="cosine")
plot.axes.set_xticks([1, 5, 10, 15, 20])
plot

# %% [markdown]
# Does a falling rate help with single records? Here is the mean distance from the best line's
# weights, over the last 200 of 2,000 steps:

# %%
best = np.polyfit(X, T, 1)
for decay in (0.0, 1.0):
    end = line_fit(1, epochs=10, decay=decay)[-200:]
    print(f"decay {decay}: {np.linalg.norm(end - best, axis=1).mean():.3f}")

# %% [markdown]
# ## In words
#
# 1. The loss of a training run grows without bound from the first steps on. What do you change, and
#    in which direction?
# 2. Adam's steps hardly change when the loss is multiplied by 1,000. Why? What happens to those of
#    gradient descent?
# 3. Why does momentum help in a long valley, and what does it do when it arrives at the minimum?
#
# ## Open exercise
#
# Write Nesterov's momentum in its first form: take the gradient at $w - \alpha \beta V$, then
# $V \leftarrow \beta V + g$ and $w \leftarrow w - \alpha V$. `walk` gives a rule the gradient at
# $w$, so you need a loop of your own. Show that the places at which you look ahead are the points
# that the library's form visits.
#
# ## Where this lives
#
# Each optimizer is a few lines of formula in [`optim/sgd.py`](../optim/sgd.py),
# [`optim/adaptive.py`](../optim/adaptive.py), [`optim/adam.py`](../optim/adam.py) and
# [`optim/second_order.py`](../optim/second_order.py). `help(optim.Adam)` is a reference entry.
# Next: [14 · Healthy depth](14_healthy_depth.ipynb).
