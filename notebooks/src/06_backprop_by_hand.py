# %% [markdown]
# # 06 · Backprop by hand
#
# | | |
# |---|---|
# | **You will be able to** | derive every gradient of a small classifier and of batch normalisation, first step by step, then as one short formula |
# | **You need** | notebook 05 (gradients of a layer); pencil and paper |
# | **Time** | 40 minutes |
# | **Rows** | G4, G8 |
#
# The library can do all of this for you. Do it once yourself: you will then know what each gradient
# costs, why some formulas are stable and others are not, and where to look when a number is wrong.
# Each part has a long way, one operation after the other, and a short way, found by putting the
# steps together.

# %%
import chainrule as cr
from chainrule import viz
from chainrule.nn import functional as F
from chainrule.teach import check

# %% [markdown]
# ## Softmax and cross-entropy: the long way
#
# A classifier gives three scores $z$ (**logits**). The softmax turns them into probabilities, and
# the loss is minus the logarithm of the probability of the true class, here the first:
#
# $$e_i = \exp(z_i), \qquad S = \sum_i e_i, \qquad P_i = \frac{e_i}{S}, \qquad L = -\ln P_1$$
#
# We take $z = (\ln 2, \ln 3, \ln 5)$, so that $e = (2, 3, 5)$, $S = 10$ and $P = (0.2, 0.3, 0.5)$.
#
# **On paper,** from the right to the left:
#
# 1. $\partial L / \partial P$: three numbers. Two of them are zero.
# 2. $\partial L / \partial S$: $S$ divides every $e_i$, and $\frac{\partial P_i}{\partial S} =
#    -\frac{e_i}{S^2}$. Add over the three.
# 3. $\partial L / \partial e$: each $e_i$ has two routes, one directly into $P_i$, one through $S$.
# 4. $\partial L / \partial z$: the derivative of $\exp$ is $\exp$.

# %%
z = cr.tensor([2.0, 3.0, 5.0], dtype=cr.float64).log().requires_grad_()
e = cr.exp(z)
S = e.sum()
P = e / S
L = -cr.log(P[0])

# [solution]
dP = [-1 / 0.2, 0, 0]
dS = -5 * -2 / 10**2
de = [-5 / 10 + dS, 0 / 10 + dS, 0 / 10 + dS]
dz = [de[0] * 2, de[1] * 3, de[2] * 5]
# [hole]
# dP = [..., ..., ...]
# dS = ...
# de = [..., ..., ...]
# dz = [..., ..., ...]
# [mistake] sign
# dP = [1 / 0.2, 0, 0]
# dS = 5 * -2 / 10**2
# de = [5 / 10 + dS, dS, dS]
# dz = [de[0] * 2, de[1] * 3, de[2] * 5]
# [mistake] without the route through S
# dP = [-1 / 0.2, 0, 0]
# dS = -5 * -2 / 10**2
# de = [-5 / 10, 0, 0]
# dz = [de[0] * 2, de[1] * 3, de[2] * 5]
# [mistake] local derivative
# dP = [-1 / 0.2, 0, 0]
# dS = -5 * -2 / 10**2
# de = [-5 / 10 + dS, dS, dS]
# dz = [2, 3, 5]
# [another]
# dP = -cr.tensor([1, 0, 0]) / P
# dS = (dP * -e / S**2).sum()
# de = dP / S + dS
# dz = de * e
# [end]
check.grad(dP, of=L, wrt=P, name="∂L/∂P")
check.grad(dS, of=L, wrt=S, name="∂L/∂S")
check.grad(de, of=L, wrt=e, name="∂L/∂e")
check.grad(dz, of=L, wrt=z, name="∂L/∂z")

# %% [markdown]
# The picture has the same steps, from $z$ at the top to $L$ below. Follow the two wires that leave
# $e$, and compare the gradients, which stand under the values.

# %%
viz.draw(L, direction="TB")

# %% [markdown]
# ## The short way
#
# Look at the last result: $(-0.8, 0.3, 0.5)$. With the target written as $Y = (1, 0, 0)$, it is
# $P - Y$. This is no accident. Take the logarithm first, $\ln P_1 = z_1 - \ln S$:
#
# $$L = \ln \sum_j \exp(z_j) - z_1 \qquad\Longrightarrow\qquad
# \frac{\partial L}{\partial z_i} = \frac{\exp(z_i)}{S} - Y_i = P_i - Y_i$$
#
# The divisions by $P$ and by $S^2$ are gone. The result can never overflow: every number in it
# lies between $-1$ and $1$.
#
# Now four records at once, a **batch**, and as loss the **mean** over them. `F.one_hot` makes a row
# such as $(1, 0, 0)$ of each class number. Write the gradient for the whole batch as one line.

# %%
cr.manual_seed(6)
Z = cr.randn(4, 3, dtype=cr.float64, requires_grad=True)
labels = cr.tensor([0, 2, 1, 2])
Y = F.one_hot(labels, 3).double()
P = F.softmax(Z, dim=1)
L = -(Y * cr.log(P)).sum(1).mean()

# [solution]
dZ = (P - Y) / 4
# [hole]
# dZ = ...  # from P and Y
# [mistake] mean
# dZ = P - Y
# [mistake] sign
# dZ = (Y - P) / 4
# [mistake] sign is wrong
# dZ = Y - P
# [another]
# dZ = -(Y / P) / 4
# dZ = P * (dZ - (dZ * P).sum(1, keepdim=True))
# [end]
check.grad(dZ, of=L, wrt=Z, name="∂L/∂Z")

# %% [markdown]
# ## A mistake made on purpose
#
# The formula for the softmax, typed as it stands above, works for small scores. With a score of
# 1000 the exponential is larger than the largest number that the type can hold, and becomes
# infinite:

# %%
big = cr.tensor([1000.0, 1001.0, 1002.0], requires_grad=True)
e = cr.exp(big)
P = e / e.sum()
L = -cr.log(P[0])
L.backward()
print("e:       ", e.tolist())
print("P:       ", P.tolist())
print("gradient:", big.grad.tolist())
print(viz.why(big, L).text())

# %% [markdown]
# $\infty / \infty$ is not a number, and every weight that this gradient reaches would be lost. The
# cure: the softmax does not change when the same number is taken away from all scores, because
# $\exp(z_i - m) = \exp(z_i) / \exp(m)$, and the factor cancels in the fraction. Take $m = \max z$;
# then the largest exponent is 0.

# %%
shifted = big - big.max().detach()
e = cr.exp(shifted)
P = e / e.sum()
L = -cr.log(P[0])
big.grad = None
L.backward()
print("e:       ", [round(v, 4) for v in e.tolist()])
print("P:       ", [round(v, 4) for v in P.tolist()])
print("gradient:", [round(v, 4) for v in big.grad.tolist()])
print("library: ", [round(v, 4) for v in F.softmax(big, dim=0).tolist()])

# %% [markdown]
# The library's softmax does the same inside. When you write a model, give the *scores* to
# `F.cross_entropy` and leave softmax and logarithm to it.
#
# ## A network of two layers: the last layer
#
# Six records with two features, four hidden units, three classes. All sizes are different, so that
# the shapes help you:
#
# $$Z_1 = X W_1 + b_1, \qquad H = \tanh(Z_1), \qquad Z_2 = H W_2 + b_2, \qquad
# L = \text{mean cross-entropy}(Z_2)$$
#
# Begin at the loss. You have derived $\mathrm{d}Z_2$ above; notebook 05 has the rest.

# %%
cr.manual_seed(7)
X = cr.randn(6, 2, dtype=cr.float64)
labels = cr.tensor([0, 1, 2, 2, 1, 0])
Y = F.one_hot(labels, 3).double()
W1 = cr.randn(2, 4, dtype=cr.float64, requires_grad=True)
b1 = cr.zeros(1, 4, dtype=cr.float64, requires_grad=True)
W2 = cr.randn(4, 3, dtype=cr.float64, requires_grad=True)
b2 = cr.zeros(1, 3, dtype=cr.float64, requires_grad=True)

Z1 = X @ W1 + b1
H = cr.tanh(Z1)
Z2 = H @ W2 + b2
L = F.cross_entropy(Z2, labels)

# %%
# [solution]
dZ2 = (F.softmax(Z2, dim=1) - Y) / 6
dW2 = H.T @ dZ2
db2 = dZ2.sum(0, keepdim=True)
# [hole]
# dZ2 = ...  # 6 × 3
# dW2 = ...  # 4 × 3
# db2 = ...  # 1 × 3
# [mistake] mean
# dZ2 = F.softmax(Z2, dim=1) - Y
# dW2 = H.T @ dZ2
# db2 = dZ2.sum(0, keepdim=True)
# [mistake] transposed
# dZ2 = (F.softmax(Z2, dim=1) - Y) / 6
# dW2 = dZ2.T @ H
# db2 = dZ2.sum(0, keepdim=True)
# [mistake] not summed
# dZ2 = (F.softmax(Z2, dim=1) - Y) / 6
# dW2 = H.T @ dZ2
# db2 = dZ2
# [another]
# e = cr.exp(Z2 - Z2.max())
# dZ2 = (e / e.sum(1, keepdim=True) - Y) / len(Y)
# dW2 = (dZ2.T @ H).T
# db2 = cr.ones(1, 6, dtype=cr.float64) @ dZ2
# [end]
check.grad(dZ2, of=L, wrt=Z2, name="∂L/∂Z2")
check.grad(dW2, of=L, wrt=W2, name="∂L/∂W2")
check.grad(db2, of=L, wrt=b2, name="∂L/∂b2")

# %% [markdown]
# ## The first layer
#
# Go on towards the input: through $W_2$ to $H$, through the tanh to $Z_1$, and from there to the
# weights. The derivative of tanh is $1 - \tanh^2$, so it can be written with $H$.

# %%
# [solution]
dH = dZ2 @ W2.T
dZ1 = dH * (1 - H**2)
dW1 = X.T @ dZ1
db1 = dZ1.sum(0, keepdim=True)
# [hole]
# dH = ...
# dZ1 = ...
# dW1 = ...
# db1 = ...
# [mistake] ∂H/∂Z1 was left out
# dH = dZ2 @ W2.T
# dZ1 = dH
# dW1 = X.T @ dZ1
# db1 = dZ1.sum(0, keepdim=True)
# [mistake] local derivative
# dH = dZ2 @ W2.T
# dZ1 = 1 - H**2
# dW1 = X.T @ dZ1
# db1 = dZ1.sum(0, keepdim=True)
# [mistake] sign
# dH = -dZ2 @ W2.T
# dZ1 = dH * (1 - H**2)
# dW1 = X.T @ dZ1
# db1 = dZ1.sum(0, keepdim=True)
# [another]
# dH = (W2 @ dZ2.T).T
# dZ1 = dH / cr.cosh(Z1) ** 2
# dW1 = cr.einsum("ni,nj->ij", X, dZ1)
# db1 = dZ1.sum(0).reshape(1, 4)
# [end]
check.grad(dH, of=L, wrt=H, name="∂L/∂H")
check.grad(dZ1, of=L, wrt=Z1, name="∂L/∂Z1")
check.grad(dW1, of=L, wrt=W1, name="∂L/∂W1")
check.grad(db1, of=L, wrt=b1, name="∂L/∂b1")

# %% [markdown]
# That was a whole backward pass: seven lines. Each is *upstream times local*, added over the
# routes.

# %%
viz.draw(L, wrt=[W1, b1, W2, b2], direction="TB")

# %% [markdown]
# ## The judge
#
# Who checks the library? A finite difference needs only the forward pass. Move one weight by a
# small $h$ both ways and compare. Moving both ways makes the error of the quotient much smaller
# than moving one way.


# %%
def loss_at(weight):
    moved = W1.detach().clone()
    moved[0, 1] = weight
    return F.cross_entropy(cr.tanh(X @ moved + b1) @ W2 + b2, labels).item()


L.backward()
h = 1e-5
here = W1[0, 1].item()
print("finite difference:", (loss_at(here + h) - loss_at(here - h)) / (2 * h))
print("autograd:         ", W1.grad[0, 1].item())

# %% [markdown]
# For $n$ weights a finite difference needs $2n$ forward passes; one backward pass gives all $n$
# gradients. So we differentiate backward, and use differences to check.
#
# ## Batch normalisation: the long way
#
# Batch normalisation takes one feature of all records in the batch, gives it mean 0 and variance 1,
# then scales and shifts it by two learned numbers $\gamma$ and $\beta$:
#
# $$\mu = \tfrac1n \sum_i x_i, \qquad c = x - \mu, \qquad v = \tfrac1n \sum_i c_i^2, \qquad
# s = \sqrt{v}, \qquad \hat x = \frac{c}{s}, \qquad y = \gamma \hat x + \beta$$
#
# Take $x = (1, 7, 7, 9)$: $\mu = 6$, $c = (-5, 1, 1, 3)$, $v = 9$, $s = 3$. With $\gamma = 3$ and
# $\beta = 1$ the output is $y = (-4, 2, 2, 4)$. The gradient that arrives is
# $\partial L / \partial y = (3, 0, 0, 0)$: only the first record matters to this loss.
#
# **Predict:** will the gradients of the other three $x$ be zero?
#
# **On paper,** from the right to the left. Watch for the nodes with two routes: $c$ is used in
# $\hat x$ and in $v$; $x$ is used in $c$ and in $\mu$.

# %%
x = cr.tensor([1.0, 7.0, 7.0, 9.0], dtype=cr.float64, requires_grad=True)
gamma = cr.tensor(3.0, dtype=cr.float64, requires_grad=True)
beta = cr.tensor(1.0, dtype=cr.float64, requires_grad=True)
g = cr.tensor([3.0, 0.0, 0.0, 0.0], dtype=cr.float64)

mu = x.mean()
c = x - mu
v = (c**2).mean()
s = cr.sqrt(v)
xhat = c / s
y = gamma * xhat + beta
L = (g * y).sum()  # a loss for which ∂L/∂y is g

# %%
# [solution]
dxhat = g * 3
ds = (dxhat * -c / s**2).sum()
dv = ds / (2 * s)
dc = dxhat / s + dv * 2 * c / 4
dmu = -dc.sum()
dx = dc + dmu / 4
# [hole]
# dxhat = ...  # four numbers
# ds = ...
# dv = ...
# dc = ...  # four numbers, two routes each
# dmu = ...
# dx = ...  # four numbers, two routes each
# [mistake] without the route through v
# dxhat = g * 3
# ds = (dxhat * -c / s**2).sum()
# dv = ds / (2 * s)
# dc = dxhat / s
# dmu = -dc.sum()
# dx = dc + dmu / 4
# [mistake] without the route through mu
# dxhat = g * 3
# ds = (dxhat * -c / s**2).sum()
# dv = ds / (2 * s)
# dc = dxhat / s + dv * 2 * c / 4
# dmu = -dc.sum()
# dx = dc
# [mistake] sign
# dxhat = g * 3
# ds = (dxhat * c / s**2).sum()
# dv = ds / (2 * s)
# dc = dxhat / s + dv * 2 * c / 4
# dmu = -dc.sum()
# dx = dc + dmu / 4
# [another]
# dxhat = [9, 0, 0, 0]
# ds = 5
# dv = 5 / 6
# dc = [11 / 12, 5 / 12, 5 / 12, 15 / 12]
# dmu = -3
# dx = [1 / 6, -1 / 3, -1 / 3, 1 / 2]
# [end]
check.grad(dxhat, of=L, wrt=xhat, name="∂L/∂x̂")
check.grad(ds, of=L, wrt=s, name="∂L/∂s")
check.grad(dv, of=L, wrt=v, name="∂L/∂v")
check.grad(dc, of=L, wrt=c, name="∂L/∂c")
check.grad(dmu, of=L, wrt=mu, name="∂L/∂μ")
check.grad(dx, of=L, wrt=x, name="∂L/∂x")

# %% [markdown]
# The other gradients are not zero. Through the mean and the variance, each record of a batch acts
# on the outputs of all others.

# %%
viz.draw(L, wrt=[x], direction="TB")

# %% [markdown]
# The four gradients of $x$ add up to zero, and that has a meaning: adding the same number to all
# four records changes nothing, because the mean is taken away.
#
# ## The short way
#
# Put the steps into one another. From the long way, with $\hat g = \partial L / \partial \hat x$:
#
# - $\frac{\partial L}{\partial s} = -\frac1s \sum_j \hat g_j \hat x_j$,
#   because $c / s^2 = \hat x / s$;
# - the route through $v$ adds
#   $\frac{\partial L}{\partial s} \cdot \frac{1}{2s} \cdot \frac{2 c_i}{n}
#   = \frac{\partial L}{\partial s} \cdot \frac{\hat x_i}{n}$ to $\partial L / \partial c_i$;
# - the route through $\mu$ takes the mean of $\partial L / \partial c$ away from each element; the
#   mean of $\hat x$ is 0.
#
# **On paper:** write $\partial L / \partial x$ with $\hat g$, $\hat x$, $s$ and two means, nothing
# else. Then fill in the function for a batch with $n$ rows and one column for each feature. All
# sums and means run down the columns.


# %%
def batch_norm_backward(G, Xhat, s, gamma):
    # [solution]
    Ghat = G * gamma
    dX = (Ghat - Ghat.mean(0) - Xhat * (Ghat * Xhat).mean(0)) / s
    dgamma = (G * Xhat).sum(0)
    dbeta = G.sum(0)
    # [hole]
    # Ghat = G * gamma
    # dX = ...
    # dgamma = ...
    # dbeta = ...
    # [mistake] sign
    # Ghat = G * gamma
    # dX = -(Ghat - Ghat.mean(0) - Xhat * (Ghat * Xhat).mean(0)) / s
    # dgamma = (G * Xhat).sum(0)
    # dbeta = G.sum(0)
    # [mistake] mean
    # Ghat, n = G * gamma, len(G)
    # dX = (n * Ghat - Ghat.sum(0) - Xhat * (Ghat * Xhat).sum(0)) / s
    # dgamma = (G * Xhat).sum(0)
    # dbeta = G.sum(0)
    # [mistake] the part along x̂ was not removed
    # Ghat = G * gamma
    # dX = (Ghat - Ghat.mean(0)) / s
    # dgamma = (G * Xhat).sum(0)
    # dbeta = G.sum(0)
    # [another]
    # Ghat, n = G * gamma, len(G)
    # dX = (n * Ghat - Ghat.sum(0) - Xhat * (Ghat * Xhat).sum(0)) / (n * s)
    # dgamma = cr.einsum("nj,nj->j", G, Xhat)
    # dbeta = cr.ones(n, dtype=G.dtype) @ G
    # [end]
    return dX, dgamma, dbeta


# %% [markdown]
# Your function is compared with the library's own batch normalisation, on 32 records with three
# features. The library divides by $\sqrt{v + \varepsilon}$ with a small $\varepsilon$, so that a
# feature that never changes does not cause a division by zero.

# %%
X = cr.randn(32, 3, dtype=cr.float64, requires_grad=True)
gamma = cr.randn(3, dtype=cr.float64, requires_grad=True)
beta = cr.zeros(3, dtype=cr.float64, requires_grad=True)
G = cr.randn(32, 3, dtype=cr.float64)
out = F.batch_norm(X, None, None, gamma, beta, training=True)
L = (G * out).sum()

s = cr.sqrt(X.var(0, correction=0) + 1e-5)
Xhat = (X - X.mean(0)) / s
dX, dgamma, dbeta = batch_norm_backward(G, Xhat, s, gamma)
check.grad(dX, of=L, wrt=X, name="∂L/∂X")
check.grad(dgamma, of=L, wrt=gamma, name="∂L/∂γ")
check.grad(dbeta, of=L, wrt=beta, name="∂L/∂β")

# %% [markdown]
# Read the short formula aloud: *take the upstream gradient; remove its mean; remove the part that
# points along $\hat x$; divide by $s$.* The two removed parts are the two directions in which the
# output cannot move: shifting all records, and stretching them.
#
# ## In words
#
# 1. For which probabilities $P$ is the gradient $P - Y$ zero? Can the scores of a network reach
#    them?
# 2. The long way of the softmax divides by $P_1$. What happens to it when the network is sure of a
#    wrong class, and what happens to $P - Y$?
# 3. In the network, name a value of the forward pass that the backward pass needs, and one that it
#    does not need.
#
# ## Open exercise
#
# Put the batch normalisation between $Z_1$ and the tanh of the two-layer network, and write its
# whole backward pass from the pieces of this notebook. Check every gradient with `check.grad`. The
# gradient of $b_1$ is zero, or nearly so. Why? What does it say about a bias in front of a batch
# normalisation?
#
# ## Where this lives
#
# The rules of the softmax are in [`autograd/ops/softmax.py`](../autograd/ops/softmax.py); the
# short formula of batch normalisation stands at the top of
# [`autograd/ops/normalize.py`](../autograd/ops/normalize.py). `help(F.cross_entropy)` and
# `help(F.batch_norm)` are their reference entries. Next:
# [07 · When gradients go wrong](07_when_gradients_go_wrong.ipynb).
