# %% [markdown]
# # 08 · Neurons
#
# | | |
# |---|---|
# | **You will be able to** | compute a neuron on paper, teach it with two classical rules, and prove what it cannot learn |
# | **You need** | notebook 04 (many routes, one sum); pencil and paper |
# | **Time** | 20 minutes |
# | **Rows** | R1–R3, G7 |
#
# A neuron multiplies each input by a weight, adds the products and a bias, and passes the sum on.
# In 1958 Frank Rosenblatt taught one neuron to tell two classes apart. In this notebook you do the
# same, meet a table of four rows on which it must fail, and see why a second layer alone does not
# help.

# %%
import chainrule as cr
from chainrule import models, viz
from chainrule.data.tables import cereals, gate, students
from chainrule.teach import check

# %% [markdown]
# ## Will the student pass?
#
# The first neuron has three inputs: the hours that a student spent on study, on play and on sleep.
# Its **score** is $z = w \cdot x + b$, a weighted sum and a bias. Its output is a decision:
#
# $$\hat y = \begin{cases} 1 & \text{if } z > 0 \quad \text{(pass)} \\
# 0 & \text{otherwise} \end{cases}$$
#
# A neuron with this threshold is called a **perceptron**. Let the weights be 2 for study, $-3$ for
# play and 1 for sleep, and the bias $-5$.
#
# **On paper:** work out $z$ and $\hat y$ for the three students $(7, 3, 7)$, $(2, 5, 8)$ and
# $(4, 3, 7)$.

# %%
table = students()
hours, passed = cr.tensor(table.x), cr.tensor(table.y)
weights, bias = cr.tensor([2.0, -3.0, 1.0]), -5.0

# [solution]
my_z = [7, -8, 1]
my_pass = [1, 0, 1]
# [hole]
# my_z = [..., ..., ...]  # the scores of the three students
# my_pass = [..., ..., ...]  # the outputs: 1 or 0
# [mistake] the bias is missing
# my_z = [12, -3, 6]
# my_pass = [1, 0, 1]
# [mistake] the weight of play is negative
# my_z = [25, 22, 19]
# my_pass = [1, 1, 1]
# [another]
# my_z = [7 * 2 - 3 * 3 + 7 - 5, 2 * 2 - 5 * 3 + 8 - 5, 4 * 2 - 3 * 3 + 7 - 5]
# my_pass = [z > 0 for z in my_z]
# [end]
score_slips = {
    "the bias is missing": hours @ weights,
    "the weight of play is negative": hours @ weights.abs() + bias,
    "the bias is −5, and 5 was added": hours @ weights - bias,
}
check.value(my_z, of=hours @ weights + bias, name="the scores", mistakes=score_slips)
check.value(my_pass, of=passed, name="the outputs")

# %% [markdown]
# All three outputs agree with what happened: the first and the third student passed, the second did
# not. These weights were guessed. Can a neuron find such weights by itself, from the examples?
#
# ## The learning rule
#
# Show the neuron one record $(x, y)$ at a time and look at its **error** $y - \hat y$:
#
# - 0 if the output is right. Then change nothing.
# - $+1$ if it said 0 where 1 is right. The score was too low: add a part of $x$ to $w$.
# - $-1$ if it said 1 where 0 is right. The score was too high: take a part of $x$ away.
#
# One formula covers all three cases. The learning rate $\alpha$ is the size of the step. The bias
# is treated like a weight whose input is always 1:
#
# $$w \leftarrow w + \alpha \, (y - \hat y) \, x \qquad\qquad b \leftarrow b + \alpha \, (y - \hat y)$$
#
# **Predict** for $w = (1, -2)$, $b = 0.5$, $\alpha = 0.5$ and the record $x = (2, 3)$, $y = 1$:
# which way will each number go? Then write the rule.


# %%
def output(w, b, x):
    return 1.0 if x @ w + b > 0 else 0.0


def learn(w, b, x, y, alpha):
    error = y - output(w, b, x)
    # [solution]
    w = w + alpha * error * x
    b = b + alpha * error
    # [hole]
    # w = ...
    # b = ...
    # [mistake] the wrong way
    # w = w - alpha * error * x
    # b = b - alpha * error
    # [mistake] the input x is missing
    # w = w + alpha * error
    # b = b + alpha * error
    # [mistake] the old weights are lost
    # w = alpha * error * x
    # b = alpha * error
    # [mistake] the learning rate α is missing
    # w = w + error * x
    # b = b + error
    # [another]
    # w += alpha * error * x
    # b += alpha * error
    # [another]
    # if error != 0:
    #     w = w + alpha * x if error > 0 else w - alpha * x
    #     b = b + alpha if error > 0 else b - alpha
    # [end]
    return w, b


# %% [markdown]
# Your rule is compared with the library's perceptron on three records: one where the output is too
# low, one where it is too high, and one where it is right.

# %%
start = cr.tensor([1.0, -2.0, 0.5])  # two weights and the bias


def yours(x, y):
    w, b = learn(start[:2].clone(), start[2].clone(), x, y, 0.5)
    return [w[0], w[1], b]


def library(x, y):
    unit = models.Perceptron(2)
    unit.weight.copy_(start[:2])
    unit.bias.copy_(start[2])
    unit.learn(x, y, 0.5)
    return cr.cat([unit.weight, unit.bias.reshape(1)])


learns = check.value(
    yours,
    of=library,
    at=[(cr.tensor([2.0, 3.0]), 1.0), (cr.tensor([1.0, 0.0]), 0.0), (cr.tensor([0.0, 1.0]), 0.0)],
    name="the learning rule",
    mistakes={
        "the step goes the wrong way": lambda x, y: 2 * start - library(x, y),
        "the input x is missing": lambda x, y: start + (library(x, y) - start)[2],
        "the old weights are lost": lambda x, y: library(x, y) - start,
        "the learning rate α is missing": lambda x, y: 2 * library(x, y) - start,
        "the target y stands where the error belongs": lambda x, y: (
            start + 0.5 * y * cr.cat([x, cr.ones(1)])
        ),
        "the bias has to learn too": lambda x, y: cr.cat([library(x, y)[:2], start[2:]]),
    },
)

# %% [markdown]
# ## AND and OR
#
# Now repeat the rule over all records until a whole **epoch**, one pass over the table, goes
# without a mistake. The tables are the logical gates: two inputs $a$ and $b$, four rows. AND is 1
# where both are 1; OR is 1 where at least one is.


# %%
def train(x, y, epochs=10, alpha=1.0):
    w, b, mistakes = cr.zeros(x.shape[1]), 0.0, []
    while len(mistakes) < epochs and (not mistakes or mistakes[-1]):
        mistakes.append(0)
        for record, target in zip(x, y.tolist(), strict=True):
            mistakes[-1] += output(w, b, record) != target
            w, b = learn(w, b, record, target, alpha)
    return w, b, mistakes


if learns:
    for name in ("and", "or"):
        x, y = cr.tensor(gate(name).x), cr.tensor(gate(name).y)
        w, b, mistakes = train(x, y)
        print(f"{name:3}  mistakes in each epoch: {mistakes}  w = {w.tolist()}  b = {b}")
    w, b, mistakes = train(hours, passed)
    print(f"students  mistakes: {mistakes}  w = {w.tolist()}  b = {b}")

# %% [markdown]
# Each of them ends with 0 mistakes. With two inputs, the points where $w \cdot x + b = 0$ form a
# straight line, and the neuron says 1 on one side of it. To learn is to move this line. In the
# picture, the marks are the rows of the table, and the colour is the neuron's output: the deeper the
# shade, the farther the score is from 0. A row on the line itself has the score 0, so the output 0.


# %%
def picture(x, y, w, b, title):
    def score(points):
        return points @ w + b

    names = ["output 0", "output 1"]
    return viz.decision_boundary(
        score, x, y, names=names, title=title, x="input a", y="input b", steps=40
    )


and_x, and_y = cr.tensor(gate("and").x), cr.tensor(gate("and").y)
if learns:
    w, b, mistakes = train(and_x, and_y)
picture(and_x, and_y, w, b, "AND: the line that the perceptron found") if learns else None

# %% [markdown]
# ## XOR
#
# XOR is 1 where *exactly one* input is 1. **Predict**: how many epochs will it need?

# %%
xor_x, xor_y = cr.tensor(gate("xor").x), cr.tensor(gate("xor").y)
if learns:
    w, b, mistakes = train(xor_x, xor_y, epochs=20)
    print("mistakes in each epoch:", mistakes)
picture(xor_x, xor_y, w, b, "XOR: the line after 20 epochs") if learns else None

# %% [markdown]
# It never ends. From the third epoch on, the neuron is wrong about every row at the moment when the
# row is shown: each step mends one row and spoils another. Is it the fault of the rule? Try 10,000
# lines at random, and count how many rows each has right:

# %%
cr.manual_seed(0)
lines = cr.randn(10_000, 3)  # two weights and a bias each
says = (xor_x @ lines[:, :2].T + lines[:, 2] > 0).float()  # 4 rows, 10,000 lines
right = (says == xor_y[:, None]).sum(0)
for k in range(5):
    print(f"{k} rows right: {(right == k).sum().item():5} lines")

# %% [markdown]
# Not one line has all four. Here is why. The four rows ask for
#
# $$b \le 0, \qquad w_2 + b > 0, \qquad w_1 + b > 0, \qquad w_1 + w_2 + b \le 0$$
#
# Add the two in the middle: $w_1 + w_2 + 2b > 0$. Add the first and the last:
# $w_1 + w_2 + 2b \le 0$. Both cannot be true. So no weights exist, and no rule can find them.
#
# Where a line does exist, the perceptron rule finds one after finitely many mistakes. That is a
# theorem (Novikoff, 1962).
#
# ## The linear unit
#
# Leave the threshold out, and the neuron gives a number in place of a decision: a **linear unit**,
# $\hat y = w x + b$. For breakfast cereals, with the grams of sugar as input, $w = 2.5$ and
# $b = 90$ predict the calories of a portion. For 5 g:

# %%
unit = models.Neuron.of([2.5], 90.0)
print("calories:", unit(cr.tensor([5.0])).item())

# %% [markdown]
# Now a cereal with 5 g of sugar turns out to have $y = 110$. The error is $e = y - \hat y = 7.5$.
# A linear unit has a slope everywhere, so we can ask for the gradient of a loss. Take half the
# squared error:
#
# $$L = \tfrac12 e^2 = \tfrac12 \, (y - (w x + b))^2$$
#
# **On paper:** $\frac{\partial L}{\partial w}$ and $\frac{\partial L}{\partial b}$, with the chain
# rule through $e$. Mind the sign.

# %%
w = cr.tensor(2.5, requires_grad=True)
b = cr.tensor(90.0, requires_grad=True)
x, y = 5.0, 110.0
yhat = w * x + b
e = y - yhat
L = 0.5 * e**2

# [solution]
dL_dw = 7.5 * -1 * 5
dL_db = 7.5 * -1 * 1
# [hole]
# dL_dw = ...
# dL_db = ...
# [mistake] sign
# dL_dw = 7.5 * 5
# dL_db = 7.5
# [mistake] factor 2
# dL_dw = 2 * 7.5 * -5
# dL_db = 2 * 7.5 * -1
# [mistake] the local derivative
# dL_dw = -7.5
# dL_db = -7.5
# [another]
# dL_dw = -x * e
# dL_db = -e
# [end]
check.grad(dL_dw, of=L, wrt=w, name="∂L/∂w")
check.grad(dL_db, of=L, wrt=b, name="∂L/∂b")

# %%
viz.draw(L, wrt=[w, b])

# %% [markdown]
# ## The delta rule
#
# Go a step of size $\alpha$ *down* the gradient, and the two minus signs cancel:
#
# $$\Delta w = -\alpha \frac{\partial L}{\partial w} = \alpha \, x \, e \qquad\qquad
# \Delta b = -\alpha \frac{\partial L}{\partial b} = \alpha \, e$$
#
# This is the **delta rule** of Widrow and Hoff (1960). It has the form of the perceptron rule, with
# one difference: the error is measured before the threshold, not behind it. Here it is beside
# autograd, with $\alpha = 0.01$:

# %%
L.backward()
print("autograd:   Δw =", -0.01 * w.grad.item(), "  Δb =", -0.01 * b.grad.item())
print("delta rule: Δw =", 0.01 * x * 7.5, "  Δb =", 0.01 * 7.5)
after = (2.5 + 0.375) * x + (90 + 0.075)
print("prediction after the step:", after, "  error:", round(110 - after, 4))

# %% [markdown]
# The error falls from 7.5 to 5.55. In general the step changes the prediction by
# $x \, \Delta w + \Delta b = \alpha (x^2 + 1) \, e$, so each step removes the share
# $\alpha (x^2 + 1)$ of the error: here $0.01 \cdot 26$, about a quarter.
#
# **Predict** what happens when that share is larger than 2. Then let the rule learn from 80
# cereals, generated around the line $2.5 x + 90$. The most sugar in a portion is 15 g.

# %%
table = cereals()
sugars, calories = cr.tensor(table.x), cr.tensor(table.y)
for alpha in (0.0001, 0.003, 0.03):
    unit = models.Adaline(1)  # a linear unit that learns by the delta rule
    errors = unit.fit(sugars, calories, lr=alpha, epochs=60)
    found = f"w = {unit.weight.item():.3g}  b = {unit.bias.item():.3g}"
    print(f"α = {alpha:<6}  share at 15 g: {alpha * 226:.2f}  mean e²: {errors[-1]:.3g}  {found}")

# %% [markdown]
# With the smallest rate, $b$ has hardly begun to grow after 60 epochs, and $w$ is too large to make up
# for it. With the middle one the rule is close to the line. With the largest, a step at 15 g takes away 6.78 times the error: an error almost six
# times as large is left, on the other side. The numbers grow until they overflow, and `nan` (not a
# number) is all that remains.
#
# ## A mistake made on purpose
#
# If the delta rule is gradient descent, why not let autograd teach the perceptron too, threshold
# included?

# %%
w = cr.tensor([0.5, -1.0], requires_grad=True)
says = (cr.tensor([1.0, 1.0]) @ w > 0).float()
try:
    ((1.0 - says) ** 2).backward()
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# The output of a threshold is 0 or 1. Move $w$ a little and it does not change: its slope is 0
# wherever it has one. There is no gradient to go down, and a comparison records nothing. The
# perceptron rule does without a gradient, but it teaches one neuron only. To teach several layers,
# we need functions with a slope.
#
# ## Two linear layers
#
# If one neuron is too weak for XOR, take two of them and let a third read their outputs:
#
# $$h_1 = w_1 x_1 + w_2 x_2 + b_1, \qquad h_2 = w_3 x_1 + w_4 x_2 + b_2, \qquad
# \hat y = w_5 h_1 + w_6 h_2 + b_3$$
#
# Nine parameters in place of three. But put the first two formulas into the third and sort by $x_1$
# and $x_2$: what remains is $\hat y = A x_1 + B x_2 + C$.
#
# **On paper:** find $A$, $B$ and $C$ in letters. Then type their values. $A$ is
# $\frac{\partial \hat y}{\partial x_1}$: count the routes from $x_1$ to $\hat y$.

# %%
w1, w2, w3, w4, w5, w6 = 2, -2, 4, 3, -2, 3
b1, b2, b3 = 1, 2, 5


def network(x1, x2):
    h1 = w1 * x1 + w2 * x2 + b1
    h2 = w3 * x1 + w4 * x2 + b2
    return w5 * h1 + w6 * h2 + b3, h1, h2


# %%
x1 = cr.tensor(2.0, requires_grad=True)
x2 = cr.tensor(1.0, requires_grad=True)
yhat, h1, h2 = network(x1, x2)

# [solution]
A = w5 * w1 + w6 * w3
B = w5 * w2 + w6 * w4
C = w5 * b1 + w6 * b2 + b3
# [hole]
# A = ...
# B = ...
# C = ...
# [mistake] without the route through h2
# A = w5 * w1
# B = w5 * w2
# C = w5 * b1 + b3
# [mistake] the hidden biases go through w5 and w6
# A = w5 * w1 + w6 * w3
# B = w5 * w2 + w6 * w4
# C = b1 + b2 + b3
# [mistake] the hidden biases are left out
# A = w5 * w1 + w6 * w3
# B = w5 * w2 + w6 * w4
# C = b3
# [another]
# A, B = -2 * 2 + 3 * 4, -2 * -2 + 3 * 3
# C = yhat.item() - A * 2 - B * 1
# [end]
bias_slips = {
    "the hidden biases go through w5 and w6 too": b1 + b2 + b3,
    "the hidden biases are left out": b3,
    "the bias b3 is missing": w5 * b1 + w6 * b2,
    "that is ŷ with x1 = 2 and x2 = 1: C is ŷ where both are 0": yhat.item(),
}
check.grad(A, of=yhat, wrt=x1, name="A")
check.grad(B, of=yhat, wrt=x2, name="B")
check.value(C, of=network(0, 0)[0], name="C", mistakes=bias_slips)

# %%
viz.draw(yhat, names={"x₁": x1, "x₂": x2, "h₁": h1, "h₂": h2, "ŷ": yhat})

# %% [markdown]
# Follow the two routes from $x_1$ in the picture and multiply the factors on their edges. So
# $A = w_5 w_1 + w_6 w_3$ has one product for each route. In the same way $B = w_5 w_2 + w_6 w_4$.
# And $C = w_5 b_1 + w_6 b_2 + b_3$ is the output where both inputs are 0.
#
# In matrix form it holds for any depth: $W_2 (W_1 x + b_1) + b_2 = (W_2 W_1) x + (W_2 b_1 + b_2)$,
# a linear layer again. Four linear layers, and the one layer that they collapse into:

# %%
deep = models.DeepLinear(5, 7, 6, 4, 3)
one = deep.collapse()
sample = cr.randn(10, 5)
print("layers in a row:", len(deep.layers), "  together:", one)
print("largest difference:", (deep(sample) - one(sample)).abs().max().item())

# %% [markdown]
# So depth alone adds nothing: behind a threshold the whole network still draws one line. What it
# needs is a **bend** between the layers. With $\text{ReLU}(z) = \max(0, z)$ on the two hidden
# neurons, nine numbers are enough for XOR:
#
# $$\hat y = \text{ReLU}(a + b) - 2 \, \text{ReLU}(a + b - 1)$$

# %%
net = models.xor_by_hand()
print("outputs for the four rows:", net(xor_x).flatten().tolist())
viz.decision_boundary(
    lambda points: net(points) - 0.5,
    xor_x,
    xor_y,
    names=["output 0", "output 1"],
    title="XOR with a bend: two lines, and 1 between them",
    x="input a",
    y="input b",
    steps=30,
)

# %% [markdown]
# These numbers were chosen by hand. In notebook 12 a network finds such numbers by itself.
#
# ## In words
#
# 1. The perceptron stops changing when it makes no mistake. Is the line that it has found the best
#    one? Look at the picture of AND.
# 2. The perceptron rule and the delta rule have the same form. What does each of them do with a
#    record that is on the right side of the line, but close to it?
# 3. Somebody adds a third linear layer to a linear network, and its training error does not fall.
#    What do you answer, in one sentence with the word *collapse*?
#
# ## Open exercise
#
# Give the perceptron a third input for XOR: the product $a \cdot b$. Train it with your rule. It
# succeeds. Write down where its score is 0, as an equation in $a$ and $b$, and draw the region where
# the neuron says 1. Why is the border no longer a straight line?
#
# ## Where this lives
#
# `Neuron`, `Perceptron` and `Adaline` are in [`models/linear.py`](../models/linear.py),
# `DeepLinear` with its `collapse` in [`models/mlp.py`](../models/mlp.py).
# `help(cr.models.Perceptron)` is its reference entry. Next:
# [09 · Regression](09_regression.ipynb).
