# %% [markdown]
# # 01 · The lecture figure
#
# | | |
# |---|---|
# | **You will be able to** | carry values forward and gradients backward through a small graph, on paper, and check each number |
# | **You need** | notebook 00 (what a slope is); pencil and paper |
# | **Time** | 15 minutes |
# | **Rows** | G1 |
#
# One picture explains back-propagation: the graph of $f = (x + y) \cdot z$, with a value above each
# wire and a gradient below it. You will work out every number on it before you let the library draw
# it.

# %%
import chainrule as cr
from chainrule import viz
from chainrule.teach import check

# %% [markdown]
# ## Forward: the values
#
# Write the sum under a name of its own, $q = x + y$. Then $f = q \cdot z$: two operations, one
# after the other. Take $x = 2$, $y = 3$, $z = -4$.
#
# **On paper:** draw $x$, $y$ and $z$ on the left, the two operations, and $f$ on the right. Write
# each value above its wire. Then type the two that you computed.

# %%
x = cr.tensor(2.0, requires_grad=True)
y = cr.tensor(3.0, requires_grad=True)
z = cr.tensor(-4.0, requires_grad=True)
q = x + y
f = q * z

# [solution]
my_q = 5
my_f = -20
# [hole]
# my_q = ...  # the value of q
# my_f = ...  # the value of f
# [mistake] sign
# my_q = 5
# my_f = 20
# [mistake] multiplied where the graph adds
# my_q = 6
# my_f = -24
# [mistake] parentheses
# my_q = 5
# my_f = 2 + 3 * -4
# [another]
# my_q = 2 + 3
# my_f = (2 + 3) * -4
# [end]
check.value(my_q, of=q, name="q", mistakes={"multiplied where the graph adds": x * y})
check.value(my_f, of=f, name="f", mistakes={"the sum comes first: parentheses": x + y * z})

# %% [markdown]
# ## Each operation alone: local derivatives
#
# How much does the output of *one* operation change when one of *its own* inputs changes a little?
# That is its **local derivative**. It knows nothing of the rest of the graph.
#
# - $q = x + y$: raise $x$ by 0.01, and $q$ rises by 0.01. So $\partial q / \partial x = 1$.
#   The same holds for $y$.
# - $f = q \cdot z$: raise $q$ by 0.01. By how much does $f$ change? Divide by 0.01. Then do the
#   same for $z$.
#
# Predict both numbers, signs included, before you type them.

# %%
# [solution]
df_dq = -4
df_dz = 5
# [hole]
# df_dq = ...  # local derivative of f = q * z with respect to q
# df_dz = ...  # and with respect to z
# [mistake] sign
# df_dq = 4
# df_dz = 5
# [mistake] the value of q itself
# df_dq = 5
# df_dz = -4
# [another]
# df_dq = z
# df_dz = q
# [end]
check.grad(df_dq, of=f, wrt=q, name="∂f/∂q")
check.grad(df_dz, of=f, wrt=z, name="∂f/∂z")

# %% [markdown]
# A product *swaps*: the derivative with respect to one factor is the other factor. A sum *copies*:
# both its local derivatives are 1.
#
# You can always ask a finite difference. Nudge $q$ by a small $h$, look at $f$, divide:

# %%
h = 0.001
nudged = (5 + h) * -4
print("change of f:", nudged - (-20))
print("divided by h:", (nudged - (-20)) / h)

# %% [markdown]
# ## Backward: the chain rule
#
# $x$ does not touch $f$ directly. It moves $q$, and $q$ moves $f$. A nudge of $x$ by $h$ moves $q$
# by $\frac{\partial q}{\partial x} h$, and that moves $f$ by $\frac{\partial f}{\partial q}$ times
# as much:
#
# $$\frac{\partial f}{\partial x} = \frac{\partial f}{\partial q} \cdot \frac{\partial q}{\partial x}$$
#
# **On paper:** write below each wire the gradient of $f$ with respect to it. Begin at the right,
# where $\partial f / \partial f = 1$, and go left: *gradient at the output of an operation, times
# its local derivative*.

# %%
# [solution]
df_dx = -4 * 1
df_dy = -4 * 1
# [hole]
# df_dx = ...
# df_dy = ...
# [mistake] local derivative
# df_dx = 1
# df_dy = 1
# [mistake] sign
# df_dx = 4
# df_dy = 4
# [another]
# df_dx = z.item()
# df_dy = z.item()
# [end]
check.grad(df_dx, of=f, wrt=x, name="∂f/∂x")
check.grad(df_dy, of=f, wrt=y, name="∂f/∂y")

# %% [markdown]
# ## Now the picture
#
# Compare your paper with this figure: values above the wires, gradients below them, the local
# derivative of each operation on its edges.

# %%
viz.draw(f)

# %% [markdown]
# The same figure in words and numbers, for one input. The last line is a finite difference: it
# judges every derivation.

# %%
viz.explain(f, x)

# %% [markdown]
# The library computes these gradients when you call `backward()`, and puts them into `.grad` of
# the leaves: the tensors that you made yourself.

# %%
f.backward()
print(x.grad, y.grad, z.grad)

# %% [markdown]
# ## Step by step
#
# The player below goes through the forward pass and then the backward pass, one node at a time.
# Use the arrow keys or the slider. Then switch on *predict*: the numbers are hidden, you type the
# next one, and a wrong one is answered with the likely mistake.

# %%
viz.step(f)

# %% [markdown]
# ## A mistake made on purpose
#
# A common slip is to stop after the local derivative: "$x$ goes into a sum, and the derivative of a
# sum is 1, so the gradient of $x$ is 1." Look at what it would mean. If $\partial f / \partial x$
# were 1, raising $x$ from 2 to 2.1 would *raise* $f$ by 0.1.

# %%
before = (2.0 + 3.0) * -4.0
after = (2.1 + 3.0) * -4.0
print("f before:", before, "  f after:", round(after, 6), "  change:", round(after - before, 6))

# %% [markdown]
# It falls by 0.4. The 1 says only how $q$ follows $x$; the factor $-4$ that comes from above says
# how $f$ follows $q$. A gradient is always *upstream times local*.
#
# ## Once more, with other names
#
# The slides have a second copy of this figure: $p = x + y$, $g = p \cdot z$, now with $x = 1$,
# $y = 3$, $z = -3$. Do it on paper from the start, then type all four gradients.

# %%
x2 = cr.tensor(1.0, requires_grad=True)
y2 = cr.tensor(3.0, requires_grad=True)
z2 = cr.tensor(-3.0, requires_grad=True)
p = x2 + y2
g = p * z2

# [solution]
dg_dp, dg_dz = -3, 4
dg_dx, dg_dy = -3, -3
# [hole]
# dg_dp, dg_dz = ..., ...
# dg_dx, dg_dy = ..., ...
# [mistake] the value of p itself
# dg_dp, dg_dz = 4, -3
# dg_dx, dg_dy = -3, -3
# [mistake] sign
# dg_dp, dg_dz = 3, 4
# dg_dx, dg_dy = -3, -3
# [another]
# dg_dp, dg_dz = z2, p
# dg_dx, dg_dy = z2 * 1, z2 * 1
# [end]
check.grad(dg_dp, of=g, wrt=p, name="∂g/∂p")
check.grad(dg_dz, of=g, wrt=z2, name="∂g/∂z")
check.grad(dg_dx, of=g, wrt=x2, name="∂g/∂x")
check.grad(dg_dy, of=g, wrt=y2, name="∂g/∂y")

# %%
viz.draw(g, names={"x": x2, "y": y2, "z": z2, "p": p, "g": g})

# %% [markdown]
# ## In words
#
# 1. Why does the backward pass begin with the number 1?
# 2. The gradient of $z$ is 5 and that of $x$ is $-4$. To make $f$ larger by a small change of one
#    of them, in which direction would you move each?
# 3. The local derivative $\partial q / \partial x = 1$ does not depend on the values of $x$ and
#    $y$; $\partial f / \partial q$ does depend on $z$. What must a library keep from the forward
#    pass for each of the two operations?
#
# ## Open exercise
#
# Find values of $x$, $y$ and $z$ for which all three gradients are equal, and others for which the
# gradient of $z$ is zero. Check both with `viz.draw`. What does a gradient of zero say about $f$?
#
# ## Where this lives
#
# The rule of the product is one line in [`autograd/ops/arithmetic.py`](../autograd/ops/arithmetic.py);
# the walk from right to left is [`autograd/walker.py`](../autograd/walker.py). `help(cr.mul)` is its
# reference entry. Next: [02 · Build your own Value](02_build_your_own_value.ipynb).
