# %% [markdown]
# # 05 · From scalars to arrays
#
# | | |
# |---|---|
# | **You will be able to** | write the backward pass of a layer with whole matrices, and find each formula from the shapes |
# | **You need** | notebook 04 (routes add); matrix products |
# | **Time** | 20 minutes |
# | **Rows** | G4, G8 |
#
# Nothing new happens in this notebook. A matrix product is many small products and sums, and the
# gradient of each weight is a sum over routes, as before. What changes is the bookkeeping: a few
# rules let you write all those sums at once. You will find the rules yourself.

# %%
import chainrule as cr
from chainrule import viz
from chainrule.teach import check

# %% [markdown]
# ## One neuron
#
# A neuron has a **pre-activation** $z = w x + b$ and an **activation** $a = \sigma(z)$, where
# $\sigma(z) = \frac{1}{1 + e^{-z}}$ is the **sigmoid**. Let the cost be $C = (a - y)^2$: the squared
# distance of $a$ from a target $y$. One route leads from $w$ to $C$:
#
# $$\frac{\partial C}{\partial w} = \frac{\partial C}{\partial a} \cdot
# \frac{\partial a}{\partial z} \cdot \frac{\partial z}{\partial w}$$
#
# The route from $b$ has the same first two factors. Their product
# $\delta = \frac{\partial C}{\partial z}$ is worth a name, because you need it for every weight of
# the neuron.
#
# The derivative of the sigmoid is $\sigma'(z) = a (1 - a)$. **On paper,** with $x = 3$, $y = 1$,
# $w = 2$ and $b = -6$: work out $z$, $a$ and $\delta$, then the two gradients.

# %%
w = cr.tensor(2.0, requires_grad=True)
b = cr.tensor(-6.0, requires_grad=True)
x, y = 3.0, 1.0
z = w * x + b
a = cr.sigmoid(z)
C = (a - y) ** 2

# [solution]
delta = 2 * (0.5 - 1) * 0.5 * (1 - 0.5)
dC_dw = delta * 3
dC_db = delta * 1
# [hole]
# delta = ...  # ∂C/∂a · ∂a/∂z
# dC_dw = ...
# dC_db = ...
# [mistake] sign
# delta = 2 * (1 - 0.5) * 0.5 * (1 - 0.5)
# dC_dw = delta * 3
# dC_db = delta * 1
# [mistake] factor ½
# delta = (0.5 - 1) * 0.5 * (1 - 0.5)
# dC_dw = delta * 3
# dC_db = delta * 1
# [mistake] ∂a/∂z was left out
# delta = 2 * (0.5 - 1)
# dC_dw = delta * 3
# dC_db = delta * 1
# [another]
# delta = 2 * (a - y) * a * (1 - a)
# dC_dw = delta * x
# dC_db = delta
# [end]
check.grad(delta, of=C, wrt=z, name="δ = ∂C/∂z")
check.grad(dC_dw, of=C, wrt=w, name="∂C/∂w")
check.grad(dC_db, of=C, wrt=b, name="∂C/∂b")

# %%
viz.draw(C, wrt=[w, b])

# %% [markdown]
# Find your $\delta$ in the figure: it is the gradient below the wire of $z$.
#
# ## Broadcasting, undone by sums
#
# Add a row of two numbers to a matrix with three rows: the library uses the same row three times.
# This is **broadcasting**. So every number of the row is a shared value, and notebook 04 says what
# that means: the gradients of all the places where it is used are **added**.
#
# Below, three things are added to a $3 \times 2$ matrix $X$: a row $r$, a column $c$ and a single
# number $s$. The gradient that arrives at the sum $Z$ is given:
#
# $$G = \frac{\partial L}{\partial Z} = \begin{pmatrix} 1 & 2 \\ 3 & 4 \\ 5 & 6 \end{pmatrix}$$
#
# **Predict** the shape of each gradient before the numbers. A gradient always has the shape of the
# thing it belongs to.

# %%
X = cr.tensor([[0.5, 1.0], [1.5, 2.0], [2.5, 3.0]])
r = cr.zeros(1, 2, requires_grad=True)  # a row
c = cr.zeros(3, 1, requires_grad=True)  # a column
s = cr.tensor(0.0, requires_grad=True)  # a number
G = cr.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
Z = X + r + c + s
L = (G * Z).sum()  # a loss for which ∂L/∂Z is G

# [solution]
dr = [[1 + 3 + 5, 2 + 4 + 6]]
dc = [[1 + 2], [3 + 4], [5 + 6]]
ds = 1 + 2 + 3 + 4 + 5 + 6
# [hole]
# dr = ...  # a nested list of numbers with the shape of r: [[..., ...]]
# dc = ...  # with the shape of c
# ds = ...
# [mistake] not summed
# dr = G
# dc = G
# ds = G
# [mistake] wrong axis
# dr = G.sum(1)
# dc = G.sum(0)
# ds = G.sum()
# [mistake] mean
# dr = G.mean(0, keepdim=True)
# dc = G.mean(1, keepdim=True)
# ds = G.mean()
# [another]
# dr = G.sum(0, keepdim=True)
# dc = G.sum(1, keepdim=True)
# ds = G.sum()
# [end]
check.grad(dr, of=L, wrt=r, name="∂L/∂r")
check.grad(dc, of=L, wrt=c, name="∂L/∂c")
check.grad(ds, of=L, wrt=s, name="∂L/∂s")

# %% [markdown]
# The rule: *sum the arriving gradient over every dimension that was broadcast*. In code:
# `G.sum(0, keepdim=True)` for the row, `G.sum(1, keepdim=True)` for the column, `G.sum()` for the
# number. `keepdim=True` keeps the dimension with size 1, so that the shape fits.

# %%
print(G.sum(0, keepdim=True))
print(G.sum(1, keepdim=True))
print(G.sum())

# %% [markdown]
# ## The matrix product: one element first
#
# Let $Z = X W$ with a $3 \times 2$ matrix $X$ (three **records**, one in each row, with two
# **features**, one in each column) and a $2 \times 2$ matrix $W$. Written out,
# $Z_{ij} = \sum_k X_{ik} W_{kj}$.
#
# Where is $W_{11}$ used? In the first element of *every row* of $Z$: once in $Z_{11}$, times
# $X_{11}$; once in $Z_{21}$, times $X_{21}$; once in $Z_{31}$, times $X_{31}$. Three routes, so
#
# $$\frac{\partial L}{\partial W_{11}} =
# X_{11} \, \mathrm{d}Z_{11} + X_{21} \, \mathrm{d}Z_{21} + X_{31} \, \mathrm{d}Z_{31}$$
#
# Here $\mathrm{d}Z$ is short for $\partial L / \partial Z$: a usual way to write gradients in code.
# Check the sum with a finite difference:

# %%
X = cr.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
W = cr.tensor([[1.0, -1.0], [0.0, 2.0]])
dZ = cr.tensor([[1.0, 0.0], [2.0, 1.0], [-1.0, 3.0]])

nudged = W.clone()
nudged[0, 0] += 0.01
change = (dZ * (X @ nudged)).sum() - (dZ * (X @ W)).sum()
print("three routes:", 1 * 1 + 3 * 2 + 5 * -1)
print("finite difference:", round(change.item() / 0.01, 3))

# %% [markdown]
# ## The whole rule, from the shapes alone
#
# The sum above runs down a *column* of $X$ and a *column* of $\mathrm{d}Z$. That is a matrix
# product with $X$ transposed. You need not remember which one: the shapes leave only one choice.
#
# Take $X$: $4 \times 2$, $W$: $2 \times 3$, so $Z$ and $\mathrm{d}Z$: $4 \times 3$.
#
# - $\mathrm{d}W$ has the shape of $W$, $2 \times 3$, and is made of $X$ and $\mathrm{d}Z$.
# - $\mathrm{d}X$ has the shape of $X$, $4 \times 2$, and is made of $\mathrm{d}Z$ and $W$.
#
# Transpose what has to be transposed (`X.T`), and put the factors in the order that fits.

# %%
X = cr.tensor([[1.0, 2.0], [0.0, 1.0], [2.0, -1.0], [3.0, 1.0]], requires_grad=True)
W = cr.tensor([[1.0, 0.0, 2.0], [-1.0, 1.0, 1.0]], requires_grad=True)
Z = X @ W
dZ = cr.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0], [2.0, 1.0, 0.0], [1.0, -1.0, 1.0]])
L = (dZ * Z).sum()

# [solution]
dW = X.T @ dZ
dX = dZ @ W.T
# [hole]
# dW = ...  # from X and dZ
# dX = ...  # from dZ and W
# [mistake] transposed
# dW = dZ.T @ X
# dX = W @ dZ.T
# [mistake] mean
# dW = X.T @ dZ / 4
# dX = dZ @ W.T / 4
# [mistake] sign
# dW = -X.T @ dZ
# dX = -dZ @ W.T
# [another]
# dW = (dZ.T @ X).T
# dX = cr.einsum("ij,kj->ik", dZ, W)
# [end]
check.shape(dW, of=W, name="∂L/∂W")
check.grad(dW, of=L, wrt=W, name="∂L/∂W")
check.grad(dX, of=L, wrt=X, name="∂L/∂X")

# %% [markdown]
# These are the two lines that do most of the work in training:
#
# $$\mathrm{d}W = X^\top \mathrm{d}Z \qquad\qquad \mathrm{d}X = \mathrm{d}Z \, W^\top$$
#
# `viz.explain` names the same rule, with the shapes beside it.

# %%
viz.explain(L, W)

# %% [markdown]
# ## The δ of a whole layer
#
# Now a layer of three sigmoid neurons, for 300 records with two features:
#
# $$Z = X W + b, \qquad A = \sigma(Z), \qquad C = \sum_{ij} (A_{ij} - Y_{ij})^2$$
#
# with $X$: $300 \times 2$, $W$: $2 \times 3$, $b$: $1 \times 3$. The activation works on each
# element alone, so $\delta$ does too: it is the formula of the single neuron, with arrays in place
# of numbers, and `*` is the product *element by element*. Write
# $\mathrm{d}Z = \frac{\partial C}{\partial Z}$, a $300 \times 3$ array.

# %%
cr.manual_seed(5)
X = cr.randn(300, 2, dtype=cr.float64, requires_grad=True)
Y = (cr.rand(300, 3) > 0.5).double()  # targets: 0 or 1
W = cr.randn(2, 3, dtype=cr.float64, requires_grad=True)
b = cr.zeros(1, 3, dtype=cr.float64, requires_grad=True)
Z = X @ W + b
A = cr.sigmoid(Z)
C = ((A - Y) ** 2).sum()

# [solution]
dZ = 2 * (A - Y) * A * (1 - A)
# [hole]
# dZ = ...  # the δ of the layer, from A and Y
# [mistake] ∂A/∂Z was left out
# dZ = 2 * (A - Y)
# [mistake] sign
# dZ = 2 * (Y - A) * A * (1 - A)
# [mistake] factor ½
# dZ = (A - Y) * A * (1 - A)
# [another]
# s = 1 / (1 + cr.exp(-Z))
# dZ = 2 * (A - Y) * s * (1 - s)
# [end]
check.grad(dZ, of=C, wrt=Z, name="δ = ∂C/∂Z")

# %% [markdown]
# ## The whole layer
#
# Put the pieces together: a function that takes what the forward pass knows ($X$ and $W$) and the
# gradient that arrives ($\mathrm{d}Z$), and gives all three gradients. The bias is a row that was
# broadcast to 300 rows.


# %%
def layer_backward(X, W, dZ):
    # [solution]
    dX = dZ @ W.T
    dW = X.T @ dZ
    db = dZ.sum(0, keepdim=True)
    # [hole]
    # dX = ...
    # dW = ...
    # db = ...
    # [mistake] not summed
    # dX = dZ @ W.T
    # dW = X.T @ dZ
    # db = dZ
    # [mistake] mean
    # dX = dZ @ W.T
    # dW = X.T @ dZ
    # db = dZ.mean(0, keepdim=True)
    # [mistake] wrong axis
    # dX = dZ @ W.T
    # dW = X.T @ dZ
    # db = dZ.sum(1, keepdim=True)
    # [another]
    # dX = (W @ dZ.T).T
    # dW = (dZ.T @ X).T
    # db = cr.ones(1, len(dZ), dtype=dZ.dtype) @ dZ
    # [end]
    return dX, dW, db


delta = cr.autograd.grad(C, Z, retain_graph=True)[0]  # the library's δ
dX, dW, db = layer_backward(X, W, delta)
check.grad(db, of=C, wrt=b, name="∂C/∂b")
check.grad(dW, of=C, wrt=W, name="∂C/∂W")
check.grad(dX, of=C, wrt=X, name="∂C/∂X")

# %% [markdown]
# $\mathrm{d}W = X^\top \mathrm{d}Z$ has lost the 300: the sum over all records is inside the
# matrix product. For $b$ you have to write the same sum yourself:
# $\mathrm{d}b = \sum_n \mathrm{d}Z_n$.
#
# In the picture, each array has its shape, the mean and the spread of its values, and the length
# ‖∂‖ of its gradient.

# %%
viz.draw(C, wrt=[W, b], direction="TB")

# %% [markdown]
# ## Two mistakes made on purpose
#
# **The forgotten sum.** Somebody uses `dZ` itself as the gradient of $b$. If the update is written
# in place, the library refuses, because $b$ cannot grow:

# %%
bias = cr.zeros(1, 3, dtype=cr.float64)
try:
    bias -= 0.1 * delta
except RuntimeError as error:
    print(error)

# %% [markdown]
# If the update makes a new tensor, there is no error. The bias quietly becomes an array with one
# row for each record:

# %%
bias = bias - 0.1 * delta
print("shape of the bias after the step:", tuple(bias.shape))

# %% [markdown]
# **The transposed product.** With shapes $300 \times 2$ and $300 \times 3$, a wrong order is
# refused at once:

# %%
try:
    X @ delta
except RuntimeError as error:
    print(error)

# %% [markdown]
# But where a matrix is *square*, the shapes no longer decide. Both lines below run, and only one is
# the gradient:

# %%
X2 = cr.tensor([[1.0, 2.0], [3.0, 4.0]])
W2 = cr.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
dZ2 = cr.tensor([[1.0, 0.0], [0.0, 0.0]])
(dZ2 * (X2 @ W2)).sum().backward()
print("X.T @ dZ:", (X2.T @ dZ2).tolist())
print("X @ dZ:  ", (X2 @ dZ2).tolist())
print("autograd:", W2.grad.tolist())

# %% [markdown]
# Therefore: while you derive a rule, choose sizes that are all different. And compare with finite
# differences, which know nothing of shapes.
#
# ## In words
#
# 1. A layer is used on 300 records at once. In which sense are its weights "shared", and where do
#    you see the sum over the records in $\mathrm{d}W = X^\top \mathrm{d}Z$?
# 2. The mean over the records is used as cost in place of the sum. Which of $\mathrm{d}Z$,
#    $\mathrm{d}W$ and $\mathrm{d}b$ change, and by which factor?
# 3. Forward, `sum` takes many numbers to one, and broadcasting takes one to many. What are the
#    backward passes of the two?
#
# ## Open exercise
#
# Stack four layers of sizes 3, 5, 4, 4, 2, each with a sigmoid. Run them forward and keep each
# activation. Then go backward in a loop: $\delta$ of the last layer from the cost, and for every
# layer below $\delta_k = (\delta_{k+1} W_{k+1}^\top) * A_k * (1 - A_k)$. Compare each $\delta$ with
# `check.grad(delta, of=C, wrt=Z)`.
#
# ## Where this lives
#
# The two lines of the matrix product stand at the top of
# [`autograd/ops/linalg.py`](../autograd/ops/linalg.py). The sum that undoes broadcasting is
# written once for all operations: `sum_to` in
# [`autograd/fitting.py`](../autograd/fitting.py). `help(cr.matmul)` is the reference entry. Next:
# [06 · Backprop by hand](06_backprop_by_hand.ipynb).
