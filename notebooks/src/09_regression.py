# %% [markdown]
# # 09 · Regression
#
# | | |
# |---|---|
# | **You will be able to** | fit a line in three ways, choose a loss that survives outliers, and train a logistic regression by your own gradients |
# | **You need** | notebook 08 (linear unit, delta rule); matrix products |
# | **Time** | 20 minutes |
# | **Rows** | R4, R5, L1, L2 |
#
# A linear unit predicts a number: this is **regression**. Its weights can be found with a formula,
# with a system of equations, or by going downhill, and the three agree. For larger networks only
# the last way is left. So it is worth seeing once that it finds what the formulas find.

# %%
import chainrule as cr
from chainrule import models, viz
from chainrule.data.tables import insurance
from chainrule.nn import functional as F
from chainrule.nn.course_losses import rmse_loss
from chainrule.teach import check

# %% [markdown]
# ## The first way: a formula
#
# Four students, the hours $x$ that they studied, and their marks $y$. We look for the line
# $\hat y = w x + b$ with the smallest sum of squared errors. With the means $\bar x$ and $\bar y$,
#
# $$w = \frac{\sum_i (x_i - \bar x)(y_i - \bar y)}{\sum_i (x_i - \bar x)^2}, \qquad
# b = \bar y - w \bar x$$
#
# **On paper:** the two means, the four pairs of deviations, then $w$ and $b$.

# %%
x = cr.tensor([1.0, 2.0, 3.0, 4.0])
y = cr.tensor([2.0, 3.0, 5.0, 6.0])

# [solution]
my_w = (1.5 * 2 + 0.5 * 1 + 0.5 * 1 + 1.5 * 2) / (1.5**2 + 0.5**2 + 0.5**2 + 1.5**2)
my_b = 4 - my_w * 2.5
# [hole]
# my_w = ...
# my_b = ...
# [mistake] not divided
# my_w = 7
# my_b = 4 - 7 * 2.5
# [mistake] the means were not taken away
# my_w = 47 / 30
# my_b = 4 - my_w * 2.5
# [mistake] that is the mean of y
# my_w = 7 / 5
# my_b = 4
# [mistake] the two means are exchanged
# my_w = 7 / 5
# my_b = 2.5 - my_w * 4
# [another]
# dx, dy = x - x.mean(), y - y.mean()
# my_w = (dx @ dy) / (dx @ dx)
# my_b = y.mean() - my_w * x.mean()
# [end]
slope, intercept = models.slope_intercept(x, y)
dx, dy = x - x.mean(), y - y.mean()
slope_slips = {
    "the numerator is not divided by the sum of squares": dx @ dy,
    "the means were not taken away": (x @ y) / (x @ x),
    "that is the slope from the first record to the last": (y[3] - y[0]) / (x[3] - x[0]),
    "divided by the squares of y, not of x": (dx @ dy) / (dy @ dy),
}
check.value(my_w, of=slope, name="w", mistakes=slope_slips)
intercept_slips = {
    "that is the mean of y": y.mean(),
    "the mean of x, times w, is taken away, not added": y.mean() + slope * x.mean(),
    "the two means are exchanged": x.mean() - slope * y.mean(),
}
check.value(my_b, of=intercept, name="b", mistakes=intercept_slips)

# %% [markdown]
# ## The second way: one system of equations
#
# The formula is for one input. For any number of inputs, write the records as rows of a matrix $X$,
# with a column of ones for the bias, and put weights and bias into one vector $\theta$. The
# predictions are $X\theta$. At the minimum the gradient is zero:
#
# $$X^\top (X\theta - y) = 0 \qquad\Longleftrightarrow\qquad X^\top X \, \theta = X^\top y$$
#
# This is the **normal equation**: as many equations as unknowns. `cr.linalg.solve(A, c)` finds the
# $\theta$ with $A\theta = c$.

# %%
X = cr.stack([x, cr.ones(4)], 1)

# [solution]
theta = cr.linalg.solve(X.T @ X, X.T @ y)
# [hole]
# theta = ...  # w and b, from X and y
# [mistake] not solved
# theta = X.T @ y
# [mistake] multiplied
# theta = (X.T @ X) @ (X.T @ y)
# [another]
# theta = cr.linalg.inv(X.T @ X) @ X.T @ y
# [another]
# theta = cr.linalg.lstsq(X, y[:, None]).solution[:, 0]
# [end]
weight, bias = models.normal_equation(x[:, None], y)
theta_slips = {
    "that is the right-hand side, not solved yet": X.T @ y,
    "multiplied by the matrix, where the equation has to be solved": X.T @ X @ (X.T @ y),
    "the order is w, b: that of the columns of X": cr.cat([bias.reshape(1), weight]),
}
check.value(theta, of=cr.cat([weight, bias.reshape(1)]), name="θ", mistakes=theta_slips)
print("XᵀX =", (X.T @ X).tolist(), "  Xᵀy =", (X.T @ y).tolist())

# %% [markdown]
# ## The third way: downhill
#
# Two words first. The **loss** belongs to one record, the **cost** to a batch of $n$ records. The
# lecture writes them with a factor $\frac12$:
#
# $$\ell_i = \tfrac12 (\hat y_i - y_i)^2, \qquad\qquad C = \frac{1}{2n} \sum_i (\hat y_i - y_i)^2$$
#
# The $\frac12$ takes away the 2 that comes down from the square. The $\frac1n$ makes a batch of a
# thousand records as steep as a batch of ten.
#
# (Here the error is $\hat y - y$. In notebook 08 it was $y - \hat y$; the square is the same.)
#
# Write the gradients of the cost, for any $w$ and $b$. **On paper** first: if all four errors are
# equal, which record pulls hardest at $w$?


# %%
def cost(w, b):
    return ((w * x + b - y) ** 2).sum() / (2 * 4)


def gradients(w, b):
    error = w * x + b - y  # four numbers
    # [solution]
    dw = (error * x).sum() / 4
    db = error.sum() / 4
    # [hole]
    # dw = ...
    # db = ...
    # [mistake] mean
    # dw = (error * x).sum()
    # db = error.sum()
    # [mistake] factor 2
    # dw = 2 * (error * x).sum() / 4
    # db = 2 * error.sum() / 4
    # [mistake] sign
    # dw = -(error * x).sum() / 4
    # db = -error.sum() / 4
    # [another]
    # dw = (error * x).mean()
    # db = error.mean()
    # [end]
    return dw, db


w = cr.tensor(1.0, requires_grad=True)
b = cr.tensor(0.0, requires_grad=True)
C = cost(w, b)
dw, db = gradients(w, b)
downhill = check.grad(dw, of=C, wrt=w, name="∂C/∂w") and check.grad(db, of=C, wrt=b, name="∂C/∂b")

# %% [markdown]
# A factor in front of the cost scales its gradient, and nothing else. It changes how far a step
# goes, and it does not move the minimum. Here at $w = 1$, $b = 0$:

# %%
for words, factor in {"sum of e²": 1, "with ½": 1 / 2, "with 1/(2n), the cost C": 1 / 8}.items():
    (slope_of_w,) = cr.autograd.grad(factor * ((w * x + b - y) ** 2).sum(), w)
    print(f"{words:24} gradient of w: {slope_of_w.item()}")

# %% [markdown]
# Begin at $w = 0$, $b = 2.5$ and take 600 steps against the gradient, with the learning rate
# $\alpha = 0.1$. **Predict** how the three answers compare.

# %%
path = [(0.0, 2.5)]
if downhill:
    for _ in range(600):
        w, b = path[-1]
        dw, db = gradients(w, b)
        path.append((w - 0.1 * dw.item(), b - 0.1 * db.item()))
    print(f"formula          w = {slope.item():.4f}  b = {intercept.item():.4f}")
    print(f"normal equation  w = {theta[0].item():.4f}  b = {theta[1].item():.4f}")
    print(f"gradient descent w = {path[-1][0]:.4f}  b = {path[-1][1]:.4f}")
    print("cost of the first four steps:", [round(cost(*p).item(), 3) for p in path[:4]])
viz.loss_surface(
    cost,
    range_x=(-0.5, 3),
    range_y=(-2, 3),
    paths={"600 steps": path},
    title="The cost C over the plane of w and b",
    x="w",
    y="b",
)

# %% [markdown]
# The same line, three times. Look at the path: two or three steps take it down into a long valley,
# and hundreds more along the bottom of it. Notebook 13 is about such valleys.
#
# Neither formula needs a learning rate or a start. But both exist only because the prediction is
# *linear* in the weights. For the networks of the later notebooks there is no formula, and gradient
# descent works as before.
#
# ## Outliers
#
# The square is one way of several to measure the errors $e_i = \hat y_i - y_i$:
#
# - **MSE** is the mean of $e^2$, and **RMSE** its square root, in the unit of $y$;
# - **MAE** is the mean of $|e|$;
# - **Huber** is a mean too: a square for small errors, a straight line for large ones, joined at
#   $\delta$:
#
# $$h(e) = \begin{cases} \frac12 e^2 & \text{if } |e| \le \delta \\
# \delta \, (|e| - \frac{\delta}{2}) & \text{otherwise} \end{cases}$$
#
# **On paper,** for the errors 5, 3 and 1, and $\delta = 2$:

# %%
e = cr.tensor([5.0, 3.0, 1.0], requires_grad=True)
zero = cr.zeros(3)

# [solution]
mse = (5**2 + 3**2 + 1**2) / 3
rmse = mse**0.5
mae = (5 + 3 + 1) / 3
huber = (2 * (5 - 1) + 2 * (3 - 1) + 1 / 2) / 3
# [hole]
# mse = ...
# rmse = ...
# mae = ...
# huber = ...  # the mean of the three h(e)
# [mistake] a sum where the mean is asked for
# mse, rmse, mae, huber = 35, 35**0.5, 9, 12.5
# [mistake] all three errors were squared
# mse, rmse, mae, huber = 35 / 3, (35 / 3) ** 0.5, 3, 35 / 6
# [mistake] the half of δ
# mse, rmse, mae, huber = 35 / 3, (35 / 3) ** 0.5, 3, (2 * 5 + 2 * 3 + 1 / 2) / 3
# [mistake] square each error first
# mse, rmse, mae, huber = 3**2, 3, 3, 25 / 6
# [another]
# mse = (e * e).mean()
# rmse = cr.sqrt(mse)
# mae = e.abs().mean()
# huber = cr.where(e > 2, 2 * e - 2, e * e / 2).mean()
# [end]
mean_first = {"square each error first, then take the mean": e.mean() ** 2}
root_first = {"the mean comes first, then the root": (e**2).sum().sqrt() / 3}
check.value(mse, of=F.mse_loss(e, zero), name="MSE", mistakes=mean_first)
check.value(rmse, of=rmse_loss(e, zero), name="RMSE", mistakes=root_first)
check.value(mae, of=F.l1_loss(e, zero), name="MAE")
huber_slips = {
    "all three errors were squared": F.mse_loss(e, zero) / 2,
    "the half of δ was not taken from |e|": cr.where(e > 2, 2 * e, e**2 / 2).mean(),
    "of |e| the whole δ was taken away, not its half": cr.where(e > 2, 2 * e - 4, e**2 / 2).mean(),
    "the small error has a ½ too": cr.where(e > 2, 2 * e - 2, e**2).mean(),
}
check.value(huber, of=F.huber_loss(e, zero, delta=2.0), name="Huber", mistakes=huber_slips)

# %% [markdown]
# The gradient says how hard each error pulls at the weights. **Predict** which loss lets the error
# 5 pull five times as hard as the error 1.

# %%
for name, loss in {
    "MSE": F.mse_loss,
    "RMSE": rmse_loss,
    "MAE": F.l1_loss,
    "Huber": lambda a, b: F.huber_loss(a, b, delta=2.0),
}.items():
    (pull,) = cr.autograd.grad(loss(e, zero), e)
    print(f"{name:6} pull of the errors 5, 3, 1:", [round(v, 3) for v in pull.tolist()])

# %% [markdown]
# With MSE and RMSE the pull grows with the error. With MAE all errors pull alike. With Huber no
# error pulls harder than one of size $\delta$.
#
# Now twelve records near the line $2x + 1$, and one of them typed wrong. Four lines are fitted with
# the four losses. (The loop that fits them is the subject of notebook 12.)

# %%
cr.manual_seed(1)
xs = cr.arange(12).float() / 2
ys = 2 * xs + 1 + 0.4 * cr.randn(12)
ys[10] = 40.0  # the outlier


def fitted(loss):
    line = models.Neuron(1)
    descent = cr.optim.Adam(line.parameters(), lr=0.05)
    for _ in range(1000):
        descent.zero_grad()
        loss(line(xs[:, None]), ys).backward()
        descent.step()
    return line.weight.item(), line.bias.item()


plot = viz.Plot("One outlier, four losses", x="x", y="y")
plot.axes.plot(xs, ys, "o", label="records")
losses = {"MSE": F.mse_loss, "RMSE": rmse_loss, "MAE": F.l1_loss, "Huber, δ = 1": F.huber_loss}
for name, loss in losses.items():
    w, b = fitted(loss)
    print(f"{name:12} w = {w:.2f}  b = {b:.2f}")
    if name != "RMSE":  # its line lies on that of MSE
        plot.axes.plot(xs, w * xs + b, label=name)
plot

# %% [markdown]
# MSE and RMSE have the same minimum, and it is dragged away from eleven good records by one bad
# one. MAE and Huber hardly notice it.
#
# ## Logistic regression
#
# To tell two classes apart, send the score through the sigmoid, and read the result as a probability:
# $\hat y = \sigma(z)$ with $\sigma(z) = \frac{1}{1 + e^{-z}}$. The lecture's example has three
# inputs, age, income and education:
#
# $$\hat y = \sigma(0.042 \cdot \text{age} + 0.008 \cdot \text{income} + 0.2 \cdot \text{education} - 1.53)$$
#
# For an age of 40, an income of 30 and an education of 2:

# %%
z = 0.042 * 40 + 0.008 * 30 + 0.2 * 2 - 1.53
print("z =", round(z, 3), "  probability:", round(cr.sigmoid(cr.tensor(z)).item(), 3))

# %% [markdown]
# The loss is not the square. It is **binary cross-entropy**: minus the logarithm of the probability
# that the model gave to what happened.
#
# $$\ell = -\big( y \ln \hat y + (1 - y) \ln (1 - \hat y) \big)$$
#
# For $y = 1$ only the first term counts, for $y = 0$ only the second. **Predict** the loss for
# $y = 1$ if the model said 0.5, 0.99, 0.01.

# %%
for p in (0.5, 0.99, 0.01):
    loss = F.binary_cross_entropy(cr.tensor(p), cr.tensor(1.0))
    print(f"ŷ = {p:<4}  y = 1  loss {loss.item():.2f}")

# %% [markdown]
# To be sure and right costs next to nothing, 0.01. To be as sure and wrong costs 4.6, and there is
# no upper end.
#
# ## A mistake made on purpose
#
# The table: thirteen people, their age, whether they can afford an insurance, and whether they have
# one. (The first five rows are the lecture's. The others are generated.) Start at $w = (1, 1)$,
# $b = 0$ with the ages as they are, and type the formula as it stands:

# %%
table = insurance()
people, has = cr.tensor(table.x), cr.tensor(table.y)
w, b = cr.tensor([1.0, 1.0], requires_grad=True), cr.tensor(0.0, requires_grad=True)
z = people @ w + b
p = cr.sigmoid(z)
rows = -(has * cr.log(p) + (1 - has) * cr.log(1 - p))
rows.mean().backward()
for k in range(5):
    row = f"x = {people[k].tolist()}  y = {int(has[k])}  z = {z[k].item()}"
    print(row, " ŷ =", p[k].item(), " loss:", rows[k].item())
print("gradient of w:", w.grad.tolist())

# %% [markdown]
# With a score of 23, $\hat y$ is so close to 1 that the number type has no room for the rest. Then
# $1 - \hat y$ is 0, and its logarithm is $-\infty$. In the rows with $y = 1$ this is multiplied by
# 0, and $0 \cdot \infty$ is not a number, `nan`. There are three ways out:

# %%
clipped = F.binary_cross_entropy(p.clamp(0.01, 0.99), has, reduction="none")
from_z = F.binary_cross_entropy_with_logits(z, has, reduction="none")
print("clipped to 0.01 … 0.99:", [round(v, 2) for v in clipped[:5].tolist()])
print("computed from z:       ", [round(v, 2) for v in from_z[:5].tolist()])
people = people / cr.tensor([10.0, 1.0])  # the age in decades
p = cr.sigmoid(people @ w + b)
rows = F.binary_cross_entropy(p, has, reduction="none")
print("age in decades:        ", [round(v, 2) for v in rows[:5].tolist()])

# %% [markdown]
# The first line has the lecture's numbers: 4.6 for each row that is wrong, 0.01 for each that is
# right. But a clipped loss is flat: its gradient is zero, and nothing would be learned. The second
# line is exact, because it never forms $1 - \hat y$. The third line treats the cause: inputs of a
# size around 1 keep the scores small. We go on with it.
#
# ## The gradient
#
# $\frac{\partial \ell}{\partial \hat y} = \frac{\hat y - y}{\hat y (1 - \hat y)}$, and
# $\sigma'(z) = \hat y (1 - \hat y)$. In the product the denominators cancel:
#
# $$\frac{\partial \ell}{\partial z} = \hat y - y$$
#
# This is the error again, as in least squares. **On paper:** go on to $w$ and $b$, for the *mean*
# over the $n = 13$ rows. Then write the loss of every row, and the two gradients.

# %%
w = cr.tensor([1.0, 1.0], requires_grad=True)
b = cr.tensor(0.0, requires_grad=True)
z = people @ w + b
p = cr.sigmoid(z)
C = F.binary_cross_entropy(p, has)

# [solution]
rows = -(has * cr.log(p) + (1 - has) * cr.log(1 - p))
dw = people.T @ (p - has) / 13
db = (p - has).sum() / 13
# [hole]
# rows = ...  # 13 losses, from p and has
# dw = ...  # two numbers, from people, p and has
# db = ...
# [mistake] y = 0
# rows = -cr.log(p)
# dw = people.T @ (p - has) / 13
# db = (p - has).mean()
# [mistake] mean
# rows = -(has * cr.log(p) + (1 - has) * cr.log(1 - p))
# dw = people.T @ (p - has)
# db = (p - has).sum()
# [mistake] sign
# rows = -(has * cr.log(p) + (1 - has) * cr.log(1 - p))
# dw = people.T @ (has - p) / 13
# db = (has - p).mean()
# [another]
# rows = -cr.log(cr.where(has == 1, p, 1 - p))
# dw = ((p - has)[:, None] * people).mean(0)
# db = (p - has).mean()
# [end]
each = F.binary_cross_entropy(p, has, reduction="none")
zeros = {"the rows with y = 0 lose −ln(1 − ŷ), and not −ln ŷ": -cr.log(p)}
check.value(rows, of=each, name="the losses", mistakes=zeros)
check.grad(dw, of=C, wrt=w, name="∂C/∂w")
check.grad(db, of=C, wrt=b, name="∂C/∂b")

# %% [markdown]
# Now train with these gradients. In the lecture, the first update leads to $w = (0.8, 0.7)$,
# $b = -0.2$, and the mean loss of the lecture's own table falls from 4.3 to 1.31. **Predict**: is
# the cost lower there for our table, too? How many of the thirteen will be right after 2,000 steps?

# %%
model = models.LogisticRegression(2)


def cost_at(w1, w2, b):
    return F.binary_cross_entropy_with_logits(people @ cr.tensor([w1, w2]) + b, has).item()


print("cost at the start:", round(cost_at(1.0, 1.0, 0.0), 3))
print("at the lecture's first update:", round(cost_at(0.8, 0.7, -0.2), 3))
costs = model.fit(people, has, lr=0.5, steps=2000)
weights = [round(v, 2) for v in [*model.weight.tolist(), model.bias.item()]]
print("after 2,000 steps:", round(costs[-1], 3), "  w1, w2, b =", weights)
right = model.predict(people) == has
print("right:", int(right.sum()), "of 13;  wrong about", cr.tensor(table.x)[~right].tolist())
print("its probabilities for these two:", [round(p, 2) for p in model(people)[~right].tolist()])

# %%
viz.decision_boundary(
    lambda points: model(points / cr.tensor([10.0, 1.0])),
    table.x,
    table.y,
    names=["not insured", "insured"],
    title="Probability of an insurance",
    x="age (years)",
    y="can afford it (0 or 1)",
)

# %% [markdown]
# The border is a straight line, as for every linear unit. Two people are on the wrong side of it.
# One of them, aged 27, has neighbours of 26 and 29 in the lower row, and neither is insured: no line
# has all thirteen right. The other, aged 45, stands in the pale band around the border. There the
# model gives less than 0.7 to either side: it does not claim to be sure.
#
# ## In words
#
# 1. Which of the three ways to least squares would you take for 10 inputs and 1,000 records? For a
#    million inputs? For a network with a hidden layer?
# 2. Why does the factor $\frac{1}{2n}$ change how far a step goes, but not where the steps end?
# 3. Somebody uses the squared error on top of a sigmoid. One row has $y = 1$ and
#    $\hat y = 0.0001$. How large is the gradient of its score, and how large with cross-entropy?
#
# ## Open exercise
#
# Move the outlier: let `ys[10]` go from 12 to 400 and draw the slope found by MSE, MAE and Huber
# over its value. Which curve keeps rising, and which ones become flat? Where does Huber's curve
# become flat, and what does $\delta$ have to do with it?
#
# ## Where this lives
#
# The three ways are `LinearRegression.fit` in [`models/linear.py`](../models/linear.py), the
# logistic model is in [`models/classifiers.py`](../models/classifiers.py), the losses in
# [`autograd/ops/losses.py`](../autograd/ops/losses.py). `help(F.huber_loss)` and
# `help(F.binary_cross_entropy_with_logits)` are their reference entries. Next:
# [10 · Activations and losses](10_activations_and_losses.ipynb).
