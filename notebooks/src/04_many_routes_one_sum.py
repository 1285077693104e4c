# %% [markdown]
# # 04 · Many routes, one sum
#
# | | |
# |---|---|
# | **You will be able to** | write a derivative as a sum over routes, put a number to each factor, and say why back-propagation never lists the routes |
# | **You need** | notebook 01 (upstream times local); pencil and paper |
# | **Time** | 20 minutes |
# | **Rows** | G2, G3 |
#
# In the lecture figure, each input reached the output by one route. In a network there are many:
# one weight moves several neurons, and all of them move the loss. The rule for that case has two
# halves: **multiply along a route, add over the routes**.

# %%
import time

import chainrule as cr
from chainrule import viz
from chainrule.teach import check

# %% [markdown]
# ## Multiply along a route
#
# Begin with single routes. Let
#
# $$x = a^2 + 7b, \qquad z = 4x$$
#
# with $a = 3$ and $b = 1$. A nudge of $a$ moves $x$, and $x$ moves $z$.
#
# **On paper:** write the three local derivatives $\frac{\partial z}{\partial x}$,
# $\frac{\partial x}{\partial a}$ and $\frac{\partial x}{\partial b}$. Then multiply.

# %%
a = cr.tensor(3.0, requires_grad=True)
b = cr.tensor(1.0, requires_grad=True)
x = a**2 + 7 * b
z = 4 * x

# [solution]
dz_da = 4 * (2 * 3)
dz_db = 4 * 7
# [hole]
# dz_da = ...  # ∂z/∂x · ∂x/∂a
# dz_db = ...  # ∂z/∂x · ∂x/∂b
# [mistake] local derivative
# dz_da = 2 * 3
# dz_db = 7
# [mistake] factor ½
# dz_da = 4 * 3
# dz_db = 4 * 7
# [mistake] added: along a route they multiply
# dz_da = 4 + 2 * 3
# dz_db = 4 + 7
# [another]
# dz_da = 8 * a
# dz_db = 28 * b / b
# [end]
check.grad(dz_da, of=z, wrt=a, name="∂z/∂a")
check.grad(dz_db, of=z, wrt=b, name="∂z/∂b")

# %% [markdown]
# In symbols, $\frac{\partial z}{\partial a} = 4 \cdot 2a = 8a$. The derivative with respect to $b$
# is 28, whatever $b$ is.
#
# Routes may be longer. Square a number, square the result, square once more, and take 1 away:
#
# $$y = x^2, \qquad m = y^2, \qquad z = m^2 - 1$$
#
# **Predict** for $x = 2$: will $\partial z / \partial x$ be nearer to 10, to 100 or to 1000? Then
# work out the values of $y$ and $m$, the three local derivatives, and their product. Each local
# derivative is taken at the *input* of its own operation.

# %%
x = cr.tensor(2.0, requires_grad=True)
y = x**2
m = y**2
z = m**2 - 1

# [solution]
dy_dx, dm_dy, dz_dm = 4, 8, 32
dz_dx = dz_dm * dm_dy * dy_dx
# [hole]
# dy_dx, dm_dy, dz_dm = ..., ..., ...  # three local derivatives
# dz_dx = ...  # and the whole route
# [mistake] the power rule
# dy_dx, dm_dy, dz_dm = 8, 32, 510
# dz_dx = dz_dm * dm_dy * dy_dx
# [mistake] factor ½
# dy_dx, dm_dy, dz_dm = 2, 4, 16
# dz_dx = dz_dm * dm_dy * dy_dx
# [mistake] added: along a route they multiply
# dy_dx, dm_dy, dz_dm = 4, 8, 32
# dz_dx = dz_dm + dm_dy + dy_dx
# [another]
# dy_dx, dm_dy, dz_dm = 2 * x, 2 * y, 2 * m
# dz_dx = 8 * x**7
# [end]
check.grad(dy_dx, of=y, wrt=x, name="∂y/∂x")
check.grad(dm_dy, of=m, wrt=y, name="∂m/∂y")
check.grad(dz_dm, of=z, wrt=m, name="∂z/∂m")
check.grad(dz_dx, of=z, wrt=x, name="∂z/∂x")

# %% [markdown]
# You can confirm the last number without the chain rule: put the three lines into one,
# $z = x^8 - 1$, so $\partial z / \partial x = 8x^7$, and $8 \cdot 2^7 = 1024$. The picture below
# shows the same thing the way the library sees it: one route, one factor for each operation.

# %%
viz.explain(z, x)

# %% [markdown]
# ## Add over the routes
#
# Now $x$ is used three times:
#
# $$f = x \cdot x + 2x, \qquad x = 3$$
#
# **On paper:** draw the graph. Three wires leave $x$: two go into the product, one goes into
# $2 \cdot x$. Follow each wire to $f$ and write down the product of the local derivatives on the
# way. While you follow one wire, pretend that the other two are cut.

# %%
x = cr.tensor(3.0, requires_grad=True)
f = x * x + 2 * x

# [solution]
routes = [3, 3, 2]
df_dx = sum(routes)
# [hole]
# routes = [..., ..., ...]  # through the first factor of x * x, the second factor, and 2 * x
# df_dx = ...  # the derivative of f
# [mistake] without the route
# routes = [3, 3, 2]
# df_dx = 3 + 3
# [mistake] 3 routes
# routes = [3, 3, 2]
# df_dx = (3 + 3 + 2) / 3
# [mistake] multiplied
# routes = [3, 3, 2]
# df_dx = 3 * 3 * 2
# [mistake] values themselves
# routes = [3 * 3, 3 * 3, 2 * 3]
# df_dx = 9 + 9 + 6
# [another]
# routes = [x, x, 2]
# df_dx = 2 * x + 2
# [end]
check.value(
    routes,
    of=[x, x, 2],
    name="the three routes",
    mistakes={"these are the values themselves, not their derivatives": [x * x, x * x, 2 * x]},
)
check.grad(df_dx, of=f, wrt=x, name="∂f/∂x")

# %%
viz.explain(f, x)

# %% [markdown]
# Why a sum? A nudge $h$ of $x$ arrives at $f$ three times: as $3h$, as $3h$ again, and as $2h$. All
# three happen together, so $f$ moves by $8h$. Nothing is averaged and nothing is multiplied
# across routes. Ask a finite difference; the smaller $h$, the nearer it comes to 8:

# %%
h = 0.001
nudged = (3 + h) * (3 + h) + 2 * (3 + h)
print("change of f divided by h:", round((nudged - 15) / h, 3))

# %% [markdown]
# ## A mistake made on purpose
#
# Here is the backward pass of $f = x \cdot x + 2x$, written out by hand. Each use of $x$ reports
# its part, and each report is stored with `=`.

# %%
x_value, v1_grad, v2_grad = 3.0, 1.0, 1.0  # f = v1 + v2, with v1 = x · x and v2 = 2 · x

x_grad = v1_grad * x_value  # x as the first factor of x · x
x_grad = v1_grad * x_value  # x as the second factor
x_grad = v2_grad * 2  # x in 2 · x
print("overwritten:", x_grad)

# %% [markdown]
# The answer is 2: only the last report is left. There is no error message. A program with this
# mistake runs, and even learns a little, which makes the mistake hard to find. The cure is to begin
# at 0 and to **add**:

# %%
x_grad = 0.0
x_grad += v1_grad * x_value
x_grad += v1_grad * x_value
x_grad += v2_grad * 2
print("added up:", x_grad)

# %% [markdown]
# This is why the library *adds* into `.grad`, and why a training loop sets `.grad` back to zero
# before each step.
#
# ## Two routes through a network
#
# A small network with one input, two hidden units and one output:
#
# $$a = w_1 x \qquad h_1 = \mathrm{relu}(w_2 a) \qquad h_2 = \mathrm{relu}(w_3 a) \qquad
# o = w_4 h_1 + w_5 h_2 \qquad L = (o - y)^2$$
#
# The weight $w_1$ reaches the loss through $h_1$ and through $h_2$. So the derivative has two
# terms:
#
# $$\frac{\partial L}{\partial w_1} =
# \underbrace{\frac{\partial L}{\partial o} \frac{\partial o}{\partial h_1}
# \frac{\partial h_1}{\partial a} \frac{\partial a}{\partial w_1}}_{\text{through } h_1} +
# \underbrace{\frac{\partial L}{\partial o} \frac{\partial o}{\partial h_2}
# \frac{\partial h_2}{\partial a} \frac{\partial a}{\partial w_1}}_{\text{through } h_2}$$
#
# The derivative of relu is 1 where its input is positive, as it is for both units here. Thus
# $\partial h_1 / \partial a = 1 \cdot w_2$.
#
# **On paper:** work out $a$, $h_1$, $h_2$ and $o$; write the number of every factor under the
# formula; multiply; add. **Predict** first: will the two routes pull in the same direction?

# %%
x, y = 2.0, 5.0
w1 = cr.tensor(1.0, requires_grad=True)
w2, w3 = cr.tensor(3.0, requires_grad=True), cr.tensor(1.0, requires_grad=True)
w4, w5 = cr.tensor(1.0, requires_grad=True), cr.tensor(-2.0, requires_grad=True)
a = w1 * x
h1 = cr.relu(w2 * a)
h2 = cr.relu(w3 * a)
o = w4 * h1 + w5 * h2
L = (o - y) ** 2


def along(h):  # for the checks: ∂L/∂h · ∂h/∂w1, the route through one hidden unit
    dL_dh = cr.autograd.grad(L, h, retain_graph=True)[0]
    return dL_dh * cr.autograd.grad(h, w1, retain_graph=True)[0]


# [solution]
dL_do = -6
through_h1 = dL_do * 1 * 3 * 2
through_h2 = dL_do * -2 * 1 * 2
dL_dw1 = through_h1 + through_h2
# [hole]
# dL_do = ...
# through_h1 = ...  # ∂L/∂o · ∂o/∂h1 · ∂h1/∂a · ∂a/∂w1
# through_h2 = ...
# dL_dw1 = ...
# [mistake] without the route through h2
# dL_do = -6
# through_h1 = dL_do * 1 * 3 * 2
# through_h2 = dL_do * -2 * 1 * 2
# dL_dw1 = through_h1
# [mistake] the mean over the 2 routes
# dL_do = -6
# through_h1 = dL_do * 1 * 3 * 2
# through_h2 = dL_do * -2 * 1 * 2
# dL_dw1 = (through_h1 + through_h2) / 2
# [mistake] sign
# dL_do = 6
# through_h1 = dL_do * 1 * 3 * 2
# through_h2 = dL_do * -2 * 1 * 2
# dL_dw1 = through_h1 + through_h2
# [another]
# dL_do = 2 * (o - y)
# through_h1 = dL_do * w4 * w2 * x
# through_h2 = dL_do * w5 * w3 * x
# dL_dw1 = dL_do * (w4 * w2 + w5 * w3) * x
# [end]
check.grad(dL_do, of=L, wrt=o, name="∂L/∂o")
check.value(through_h1, of=along(h1), name="the route through h1")
check.value(through_h2, of=along(h2), name="the route through h2")
check.grad(dL_dw1, of=L, wrt=w1, name="∂L/∂w1")

# %% [markdown]
# The routes pull against each other: one part is $-36$, the other $+24$. Without the second one
# you would take a step three times too long. Compare your factors with the derivation. It has one
# factor for each operation, so there is a 1 for every sum, and relu stands apart from the product
# in front of it.

# %%
viz.explain(L, w1, direction="TB")

# %% [markdown]
# ## Shared weights add
#
# The same rule covers a weight that is used in several *places*, as in a convolution or a
# recurrent network. Use $w = 3$ in two layers, one after the other: $s = w \cdot 2$, then
# $t = w \cdot s$. Compare with two separate weights that happen to have the same value.

# %%
w = cr.tensor(3.0, requires_grad=True)
t = w * (w * 2)
t.backward()

first, second = cr.tensor(3.0, requires_grad=True), cr.tensor(3.0, requires_grad=True)
t = second * (first * 2)
t.backward()
print("first place:", first.grad.item(), "  second place:", second.grad.item())
print("shared:", w.grad.item())

# %% [markdown]
# The gradient of the shared weight is the **sum** of the two, 6 + 6, not their average: if $w$
# rises by $h$, both places rise by $h$.
#
# ## How many routes?
#
# Build a ladder: each rung adds a number to itself.
#
# $$r_1 = x + x, \qquad r_2 = r_1 + r_1, \qquad r_3 = r_2 + r_2, \qquad \dots$$
#
# Two wires lead from each rung to the next. **Predict** for 3 rungs: how many wires are there, and
# how many routes lead from $x$ to the last rung? And for 30 rungs?


# %%
def ladder(rungs):
    x = cr.tensor(1.0, requires_grad=True)
    r = x
    for _ in range(rungs):
        r = r + r
    return x, r


start, last = ladder(3)
viz.draw(last)

# %% [markdown]
# `viz.explain` counts the routes without listing them. The number of routes that begin at a node is
# the sum of the numbers at the nodes that use it: the same walk as back-propagation.

# %%
print("rungs  wires  routes                     gradient of x")
for rungs in (1, 2, 3, 10, 30, 60):
    start, last = ladder(rungs)
    found = viz.explain(last, start).derivation
    start.grad = None
    last.backward()
    print(f"{rungs:5}  {2 * rungs:5}  {found.routes:<25,}  {start.grad.item():,.0f}")

# %% [markdown]
# Every local derivative on the ladder is 1, so each route contributes 1 and the gradient *is* the
# number of routes. The wires grow by 2 with each rung; the routes double. Suppose that a program
# listed the routes one after the other, a thousand million each second. Compare it with
# `backward()`:

# %%
start, last = ladder(60)
started = time.perf_counter()
last.backward()
seconds = time.perf_counter() - started
print("backward():", round(seconds * 1000, 2), "milliseconds")
print("listing all routes:", round(2**60 / 1e9 / (3600 * 24 * 365), 1), "years")

# %% [markdown]
# The reason is one line of algebra. At each node, the sum over all routes from there to the loss is
# finished before the walk goes on, and it is used as a whole:
#
# $$\frac{\partial L}{\partial x} = \sum_{k \,\text{uses}\, x}
# \frac{\partial L}{\partial k} \cdot \frac{\partial k}{\partial x}$$
#
# $\partial L / \partial k$ stands for all routes from $k$ to $L$, one or a million, as a single
# number. So each wire is visited once. The cost of all gradients together is a small multiple of
# the cost of the forward pass, however many routes there are.

# %%
start, last = ladder(10)
print(viz.explain(last, start).text())

# %% [markdown]
# ## In words
#
# 1. A weight reaches the loss by two routes, and its gradient is exactly zero. Does that mean that
#    the weight does not matter?
# 2. In the ladder, the backward walk must not leave a rung before both wires that use it have
#    reported. What goes wrong if it does? (Notebook 03 broke it on purpose.)
# 3. Somebody proposes to divide the gradient of a shared weight by the number of places where it is
#    used. What would that do to a step of gradient descent?
#
# ## Open exercise
#
# Change the ladder to `r = r * r`, with $x = 1$. How many routes are there for 5 rungs, and what is
# the gradient? Which power of $x$ is the last rung? Then choose $x = 1.1$: why is the gradient no
# longer the number of routes? Check with `viz.explain`.
#
# ## Where this lives
#
# The walk that finishes each node before it goes on is
# [`autograd/walker.py`](../autograd/walker.py); the counting of routes is
# [`viz/paths.py`](../viz/paths.py). `help(viz.explain)` is the reference entry. Next:
# [05 · From scalars to arrays](05_from_scalars_to_arrays.ipynb).
