# %% [markdown]
# # 11 · Many classes
#
# | | |
# |---|---|
# | **You will be able to** | turn the scores of many classes into a loss in two ways, derive both gradients, and say what each costs when there are very many classes |
# | **You need** | notebooks 06 (softmax) and 10 (cross-entropy); pencil and paper |
# | **Time** | 20 minutes |
# | **Rows** | R6, L3, L5 |
#
# A linear model gives each class a **score**, and the largest score wins. To learn, it needs a
# loss, one number that says how well the scores fit the true class. There are two families of
# losses: one asks for a *margin* between the scores, the other for *probabilities*. You will
# compute both on paper, and then train models with both.

# %%
import numpy as np

import chainrule as cr
from chainrule import models, nn, optim, viz
from chainrule.data import load_digits, stratified_split
from chainrule.nn import functional as F
from chainrule.nn.course_losses import weston_watkins_loss
from chainrule.teach import check

# %% [markdown]
# ## A margin between scores
#
# Four classes, A to D, have the scores $s = (2,\ 3,\ 1.5,\ -1)$. The true class is A, so $s_y = 2$.
# The **multi-class support vector machine** of Weston and Watkins is content when the true score
# is larger than each other score by 1 or more. Each class that comes closer costs what is missing:
#
# $$L = \sum_{j \ne y} \max(0,\ s_j - s_y + 1)$$
#
# This is the **hinge** loss. The **squared hinge** squares each term before adding:
#
# $$L_2 = \sum_{j \ne y} \max(0,\ s_j - s_y + 1)^2$$
#
# **On paper:** three terms each, for B, C and D. Which class costs nothing?

# %%
s = cr.tensor([2.0, 3.0, 1.5, -1.0], requires_grad=True)
s_true, s_others = s[0], s[1:]
short = s_others - s_true + 1  # what is missing; negative where the margin is kept
hinge = cr.relu(short).sum()
squared = (cr.relu(short) ** 2).sum()

# [solution]
my_hinge = 2 + 0.5 + 0
my_squared = 2**2 + 0.5**2 + 0
# [hole]
# my_hinge = ...
# my_squared = ...
# [mistake] the true class was counted too
# my_hinge = 1 + 2 + 0.5 + 0
# my_squared = 1 + 2**2 + 0.5**2 + 0
# [mistake] without the max
# my_hinge = 2 + 0.5 - 2
# my_squared = 2**2 + 0.5**2 + 2**2
# [mistake] without the margin of 1
# my_hinge = 1 + 0 + 0
# my_squared = 1**2 + 0 + 0
# [mistake] the sum was squared
# my_hinge = 2.5
# my_squared = 2.5**2
# [mistake] exchanged
# my_hinge = 0 + 1.5 + 4
# my_squared = 1.5**2 + 4**2
# [another]
# my_hinge = max(0, 3 - 2 + 1) + max(0, 1.5 - 2 + 1) + max(0, -1 - 2 + 1)
# my_squared = (cr.relu(cr.tensor([2.0, 0.5, -2.0])) ** 2).sum()
# [end]
slips = {
    "the true class was counted too": hinge + 1,
    "without the max: what is negative counts as 0": short.sum(),
    "without the margin of 1": cr.relu(short - 1).sum(),
    "the true score and the others are exchanged": cr.relu(2 - short).sum(),
    "only the largest term was taken: add all of them": cr.relu(short).max(),
    "a negative term counts as 0, not as its size": short.abs().sum(),
}
check.value(my_hinge, of=hinge, name="the hinge loss", mistakes=slips)
slips = {
    "the sum was squared: square each term, then add": hinge**2,
    "the term of D was squared without the max": (short**2).sum(),
}
check.value(my_squared, of=squared, name="the squared hinge", mistakes=slips)

# %% [markdown]
# ## Which way to push
#
# Training moves the scores against the gradient. A term that the max has set to zero
# stays zero when its score moves a little, so it has no gradient. A term $s_j - s_y + 1$ that is
# larger than zero has the derivative 1 for $s_j$. Which one does it have for $s_y$?
#
# **On paper:** both gradients, four numbers each, in the order A, B, C, D. In how many terms does
# the score of A stand?

# %%
# [solution]
d_hinge = [-2, 1, 1, 0]
d_squared = [-5, 4, 1, 0]
# [hole]
# d_hinge = [..., ..., ..., ...]
# d_squared = [..., ..., ..., ...]
# [mistake] without the route through s_true
# d_hinge = [0, 1, 1, 0]
# d_squared = [0, 4, 1, 0]
# [mistake] the wrong sign
# d_hinge = [2, -1, -1, 0]
# d_squared = [5, -4, -1, 0]
# [mistake] factor ½
# d_hinge = [-2, 1, 1, 0]
# d_squared = [-2.5, 2, 0.5, 0]
# [another]
# counts = (short > 0).float()
# d_hinge = cr.cat([-counts.sum().reshape(1), counts])
# d_squared = cr.cat([-2 * (counts * short).sum().reshape(1), 2 * counts * short])
# [end]
check.grad(d_hinge, of=hinge, wrt=s, name="the gradient of the hinge")
check.grad(d_squared, of=squared, wrt=s, name="the gradient of the squared hinge")

# %% [markdown]
# Compare your paper with the graph. The scores take two routes. On one of them the true score goes
# into all three terms, so on the way back three gradients are added, each with a minus.

# %%
viz.draw(hinge, wrt=[s], direction="TB")

# %% [markdown]
# The hinge pushes each class that is too close with the same force, 1. The squared hinge pushes
# harder where more is missing. Both push the true class up by as much as the others together are
# pushed down: the gradient adds up to zero.
#
# In the library both are `weston_watkins_loss`, for a whole batch and its mean:

# %%
batch = cr.tensor([[2.0, 3.0, 1.5, -1.0], [9.0, 1.0, 0.0, 2.0]], requires_grad=True)
true = cr.tensor([0, 0])
for name, squares in (("hinge", False), ("squared hinge", True)):
    losses = weston_watkins_loss(batch, true, squared=squares, reduction="none")
    (gradient,) = cr.autograd.grad(losses.sum(), batch)
    print(f"{name}: losses {losses.tolist()}, gradients {gradient.tolist()}")

# %% [markdown]
# The second record keeps every margin. Its loss and its gradient are zero: it no longer takes part.
#
# ## Probabilities
#
# The other family turns the scores into probabilities $P$ with the softmax, and pays
# $-\ln P_y$ for the true class $y$. The true class can be given in two ways:
#
# - **categorical** cross-entropy takes a one-hot row, $Y = (0, 1, 0)$, and computes
#   $-\sum_j Y_j \ln P_j$;
# - **sparse categorical** cross-entropy takes the index, $y = 1$, and computes $-\ln P_y$.
#
# **Predict:** for $P = (0.2,\ 0.7,\ 0.1)$ and the class with index 1, what does each give?
#
# Write both for a batch: $P$ has a row for each record, and the loss is the mean over the records.


# %%
# [solution]
def categorical(P, Y):
    return -(Y * cr.log(P)).sum(1).mean()


def sparse(P, labels):
    return -cr.log(P[cr.arange(len(P)), labels]).mean()


# [hole]
# def categorical(P, Y):
#     return ...  # Y has the shape of P, with a single 1 in each row
#
#
# def sparse(P, labels):
#     return ...  # labels has one index for each row
#
#
# [mistake] the wrong sign
# def categorical(P, Y):
#     return (Y * cr.log(P)).sum(1).mean()
#
#
# def sparse(P, labels):
#     return cr.log(P[cr.arange(len(P)), labels]).mean()
#
#
# [mistake] the mean over all elements
# def categorical(P, Y):
#     return -(Y * cr.log(P)).mean()
#
#
# def sparse(P, labels):
#     return -cr.log(P[cr.arange(len(P)), labels]).mean()
#
#
# [mistake] a sum where the mean is asked for
# def categorical(P, Y):
#     return -(Y * cr.log(P)).sum()
#
#
# def sparse(P, labels):
#     return -cr.log(P[cr.arange(len(P)), labels]).sum()
#
#
# [mistake] whole columns were taken
# def categorical(P, Y):
#     return -(Y * cr.log(P)).sum(1).mean()
#
#
# def sparse(P, labels):
#     return -cr.log(P[:, labels]).mean()
#
#
# [another]
# def categorical(P, Y):
#     return -cr.einsum("ij,ij->", Y, P.log()) / len(P)
#
#
# def sparse(P, labels):
#     return F.nll_loss(P.log(), labels)
#
#
# [end]
P = cr.tensor([[0.2, 0.7, 0.1], [0.1, 0.4, 0.5], [0.3, 0.4, 0.3], [0.6, 0.1, 0.3]])
labels = cr.tensor([1, 0, 2, 0])
Y = F.one_hot(labels, 3).float()
categorical_is_right = check.value(
    categorical,
    of=lambda P, Y: F.cross_entropy(P.log(), Y),
    at=[(P, Y)],
    name="categorical cross-entropy",
    mistakes={
        "the mean over all elements: add over the classes": lambda P, Y: -(Y * P.log()).mean(),
        "the sum is over the classes, the mean over the records": lambda P, Y: (
            -(Y * P.log()).sum(0).mean()
        ),
        "the softmax was taken twice: F.cross_entropy takes scores": F.cross_entropy,
        "the logarithm of the mean, where the mean of logarithms is asked for": lambda P, Y: (
            -(Y * P).sum(1).mean().log()
        ),
    },
)
sparse_is_right = check.value(
    sparse,
    of=lambda P, labels: F.nll_loss(P.log(), labels),
    at=[(P, labels)],
    name="sparse categorical cross-entropy",
    mistakes={
        "whole columns were taken, not one element of each row": lambda P, labels: (
            -P[:, labels].log().mean()
        ),
        "whole rows were taken, not one element of each row": lambda P, labels: (
            -P[labels].log().mean()
        ),
        "the softmax was taken twice: F.cross_entropy takes scores": F.cross_entropy,
        "the logarithm of the mean, where the mean of logarithms is asked for": lambda P, labels: (
            -P.gather(1, labels[:, None]).mean().log()
        ),
        "the logarithm is missing": lambda P, labels: -P.gather(1, labels[:, None]).mean(),
    },
)

# %%
if categorical_is_right and sparse_is_right:
    one_hot, index = categorical(P[:1], Y[:1]).item(), sparse(P[:1], labels[:1]).item()
    print(f"P = (0.2, 0.7, 0.1), class 1: {one_hot:.2f} and {index:.2f}")
    for p in (0.1, 0.3, 0.5):
        row = cr.tensor([[p, (1 - p) / 2, (1 - p) / 2]])
        print(f"the true class has {p}: loss {sparse(row, cr.tensor([0])).item():.3f}")

# %% [markdown]
# They are the same number. In the one-hot sum every term but one is multiplied by zero, and the
# index picks out the one that is left. The sparse form needs no one-hot rows: with 10,000 classes
# the target of a record is one number, not 10,000.
#
# The library's `F.cross_entropy` takes either kind of target, indices or rows, and *scores*, not
# $P$: the softmax is inside. With the logarithm to base 2 the loss is counted in **bits**, and with
# the natural logarithm in **nats**. Divide nats by $\ln 2$ to get bits:

# %%
scores = cr.tensor([[3.2, 1.3, 0.2, 0.8]])
p = F.softmax(scores, dim=1)[0, 0].item()
nats = F.cross_entropy(scores, cr.tensor([0])).item()
print(f"scores (3.2, 1.3, 0.2, 0.8): P = {p:.3f}, {nats:.4f} nats, {nats / np.log(2):.4f} bits")
for p in (0.775, 0.936):
    print(f"P = {p}: {-np.log(p) / np.log(2):.4f} bits")

# %% [markdown]
# ## The two families in one picture
#
# Take two classes. Then only the **lead** of the true class counts, $m = s_y - s_j$: the hinge loss
# is $\max(0, 1 - m)$, and the cross-entropy is $\ln(1 + \mathrm{e}^{-m})$. **Sketch** both before
# you run the cell. Where is each exactly zero?

# %%
lead = cr.linspace(-2, 4, 61)
pair = cr.stack([lead, cr.zeros(61)], 1)
first = cr.zeros(61, dtype=cr.int64)  # the true class is the first, in every row
plot = viz.Plot("Loss of one record", x="lead of the true class", y="loss")
for name, squares in (("hinge", False), ("squared hinge", True)):
    losses = weston_watkins_loss(pair, first, squared=squares, reduction="none")
    plot.axes.plot(lead, losses, label=name)
plot.axes.plot(lead, F.cross_entropy(pair, first, reduction="none"), label="cross-entropy (nats)")
plot

# %% [markdown]
# Beyond a lead of 1 the hinge losses are zero. The cross-entropy gets small but never zero: it
# asks for more, however sure the model is. Its gradient, $P - Y$, pushes every class a little.
#
# ## Softmax regression on digits
#
# Linear scores with the cross-entropy are **softmax regression**. The data: 1,797 handwritten
# digits of 8 × 8 pixels. Three quarters of them are for training; the rest the model never sees.
#
# **Predict** the share of new digits that a linear model reads correctly. The support vector
# machine gets the same data, and the hinge loss.

# %%
images, digits = load_digits()
train, test = stratified_split(digits)
X, y = cr.tensor(images.reshape(-1, 64) / 16).float(), cr.tensor(digits)


def trained(model, lr, loss):
    cr.manual_seed(0)
    descent = optim.SGD(model.parameters(), lr=lr)
    losses = models.fit(model, X[train], y[train], descent, epochs=15, batch_size=64, loss=loss)
    share = models.accuracy(model, X[test], y[test])
    losses = np.reshape(losses, (15, -1)).mean(1)  # the mean of each epoch
    name = type(model).__name__
    print(f"{name}: loss in the last epoch {losses[-1]:.3f}, right on new digits {share:.1%}")
    return losses


cr.manual_seed(1)
softmax_model, svm_model = models.SoftmaxRegression(64, 10), models.MulticlassSVM(64, 10)
losses = trained(softmax_model, lr=0.5, loss=F.cross_entropy)
_ = trained(svm_model, lr=0.05, loss=weston_watkins_loss)

# %% [markdown]
# The weights of a class are 64 numbers, one for each pixel, so they can be drawn as a picture. The
# score of the class is large when there is ink on the blue pixels and none on the orange ones. In
# reading order: 0 to 3, 4 to 7, 8 and 9.

# %%
viz.filters(softmax_model.linear, shape=(8, 8), title="Weights of each digit in softmax regression")

# %% [markdown]
# ## A mistake made on purpose
#
# `F.cross_entropy` has the softmax inside. Give it probabilities, and the softmax is taken twice.
# No error is shown. But probabilities lie between 0 and 1, and as scores such numbers are nearly
# equal. Even a perfect answer, probability 1 for the true class, then has a loss far from zero:

# %%
perfect = F.one_hot(cr.tensor([3]), 10).float()
print("loss of a perfect answer:", round(F.cross_entropy(perfect, cr.tensor([3])).item(), 3))
twice = trained(
    models.SoftmaxRegression(64, 10),
    lr=0.5,
    loss=lambda scores, y: F.cross_entropy(F.softmax(scores, dim=1), y),
)
curves = {"from scores": losses, "softmax taken twice": twice}
viz.learning_curves(curves, "Softmax regression on digits", y="mean loss (nats)", log=False)

# %% [markdown]
# The loss cannot fall below that of the perfect answer, the gradients are weak, and the model
# learns slowly. The cure: leave the softmax out of the model, and take it only where you want to
# read probabilities.
#
# ## Which points draw the boundary?
#
# Two coordinates, three classes, 75 generated points. Both models have linear scores and the same
# small penalty on the weights; only the loss differs: squared hinge or cross-entropy.

# %%
rng = np.random.default_rng(3)
kind = np.repeat([0, 1, 2], 25)
points = np.array([[-2.0, -1.0], [2.0, -1.0], [0.0, 2.0]])[kind] + rng.normal(0, 0.6, (75, 2))


def svm_loss(scores, y):
    return weston_watkins_loss(scores, y, squared=True, reduction="sum")


def softmax_loss(scores, y):
    return F.cross_entropy(scores, y, reduction="sum")


def fitted(loss, kept):
    model = nn.Linear(2, 3, dtype=cr.float64)
    descent = optim.LBFGS(model.parameters(), max_iter=200, line_search_fn="strong_wolfe")
    x, y = cr.tensor(points[kept]), cr.tensor(kind[kept])

    def closure():
        descent.zero_grad()
        value = loss(model(x), y) + 0.1 * (model.weight**2).sum()
        value.backward()
        return value

    descent.step(closure)
    return model


svm, softmax = fitted(svm_loss, kind >= 0), fitted(softmax_loss, kind >= 0)  # on all points
paid = weston_watkins_loss(svm(cr.tensor(points)), cr.tensor(kind), reduction="none").detach()
support = paid.numpy() > 0
print("points with a loss in the support vector machine:", support.sum(), "of", len(points))

# %% [markdown]
# These points are its **support vectors**; in the first picture they have rings.

# %%
abc = ["A", "B", "C"]
plot = viz.decision_boundary(svm, points, kind, names=abc, steps=40, title="Support vector machine")
plot.axes.plot(*points[support].T, "o", ms=11, mfc="none", color="black", label="_rings")
plot

# %%
viz.decision_boundary(softmax, points, kind, names=abc, steps=40, title="Softmax regression")

# %% [markdown]
# The boundaries look alike. They differ in the points that they depend on. **Predict:** throw away
# all points without a ring, and fit both models again. Which boundary moves?

# %%
side = np.linspace(-4, 4, 100)
plane = cr.tensor(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2))
for name, model, loss in (("SVM", svm, svm_loss), ("softmax", softmax, softmax_loss)):
    again = fitted(loss, support)
    moved = again(plane).argmax(1) != model(plane).argmax(1)
    print(f"{name:8} part of the plane with another class now: {moved.float().mean().item():.1%}")

# %% [markdown]
# The support vector machine stays as it was: points with zero loss have no gradient, so they had no
# part in its boundary. Under the cross-entropy every point has a gradient, and the boundary moves.
#
# ## Very many classes
#
# A vocabulary may have $V = 100{,}000$ words, each a class. To give a probability to one of them,
# the softmax needs the scores of all. The **hierarchical softmax** puts the classes at the leaves
# of a binary tree, and computes a score only at the inner nodes on the way to a leaf. At each of
# them $\sigma(\text{score})$ is the probability of going left, and $1 - \sigma(\text{score})$ that
# of going right. The probability of a leaf is the product along its path.
#
# Four classes need three inner nodes. The root goes left, to A and B, with probability 0.8. The
# node above A and B goes left with probability 0.75, the node above C and D with 0.4.
#
# **On paper:** the probabilities of A, B, C and D. Do they add up to 1?
#
# Then count. With 64 features a score costs 64 multiplications. There are $V = 1024$ classes. How
# many multiplications do the scores of the flat softmax cost? How many do the scores on the way to
# one leaf of a balanced tree cost?

# %%
tree = models.HierarchicalSoftmax(1, 4)
with cr.no_grad():
    tree.nodes.weight.zero_()
    tree.nodes.bias.copy_(cr.logit(cr.tensor([0.75, 0.4, 0.8])))  # the root is the last node
leaves = tree.log_probabilities(cr.zeros(1, 1)).exp()[0]

# [solution]
my_leaves = [0.8 * 0.75, 0.8 * 0.25, 0.2 * 0.4, 0.2 * 0.6]
flat_products = 1024 * 64
tree_products = 10 * 64
# [hole]
# my_leaves = [..., ..., ..., ...]
# flat_products = ...
# tree_products = ...
# [mistake] the root was left out
# my_leaves = [0.75, 0.25, 0.4, 0.6]
# flat_products = 1024 * 64
# tree_products = 10 * 64
# [mistake] the probability of the other branch is one minus
# my_leaves = [0.8 * 0.75, 0.8 * 0.75, 0.2 * 0.4, 0.2 * 0.4]
# flat_products = 1024 * 64
# tree_products = 10 * 64
# [mistake] the scores were counted, not their multiplications
# my_leaves = [0.6, 0.2, 0.08, 0.12]
# flat_products = 1024
# tree_products = 10
# [mistake] all inner nodes were counted
# my_leaves = [0.6, 0.2, 0.08, 0.12]
# flat_products = 1024 * 64
# tree_products = 1023 * 64
# [mistake] to the right of the root
# my_leaves = [0.8 * 0.75, 0.8 * 0.25, 0.8 * 0.4, 0.8 * 0.6]
# flat_products = 1024 * 64
# tree_products = 10 * 64
# [another]
# my_leaves = cr.outer(cr.tensor([0.8, 0.2]), cr.ones(2)) * cr.tensor([[0.75, 0.25], [0.4, 0.6]])
# my_leaves = my_leaves.flatten()
# flat_products = 65536
# tree_products = np.log2(1024) * 64
# [end]
flat_truth = models.count_multiply_adds(nn.Linear(64, 1024), cr.zeros(1, 64))
tree_truth = models.count_multiply_adds(
    models.HierarchicalSoftmax(64, 1024), cr.zeros(1, 64), cr.tensor([7])
)
slips = {
    "the root was left out": leaves / leaves.reshape(2, 2).sum(1).repeat_interleave(2),
    "the probability of the other branch is one minus that of the first": leaves[[0, 0, 2, 2]],
    "C and D lie to the right of the root, 0.8 is for the left": leaves * cr.tensor([1, 1, 4, 4]),
}
check.value(my_leaves, of=leaves, name="the probabilities of A, B, C, D", mistakes=slips)
words = "the scores were counted, not their multiplications"
slips = {words: tree_truth / 64, "all inner nodes were counted, not one path": 1023 * 64}
check.value(flat_products, of=flat_truth, name="flat softmax", mistakes={words: flat_truth / 64})
check.value(tree_products, of=tree_truth, name="tree", mistakes=slips)

# %% [markdown]
# The check has counted the multiplications in a run of each. Here are more sizes:

# %%
print(f"{'V':>6} {'flat':>9} {'tree':>6} {'ratio':>7}")
word = cr.tensor([7])
for V in (16, 256, 4096):
    flat = models.count_multiply_adds(nn.Linear(64, V), cr.zeros(1, 64))
    leafward = models.count_multiply_adds(models.HierarchicalSoftmax(64, V), cr.zeros(1, 64), word)
    print(f"{V:6} {flat:9} {leafward:6} {flat / leafward:7.0f}")

# %% [markdown]
# Sixteen times as many classes cost the flat softmax sixteen times as much, and the tree four steps
# more: $O(\log V)$ instead of $O(V)$. This holds in training, where the true class is known and one
# path is enough. To find the *best* class you may still have to look at the whole tree.
#
# Frequent classes can be given shorter paths. Here four classes have the counts 8, 4, 2 and 2, and
# the lengths of their paths are:

# %%
print(models.HierarchicalSoftmax(64, 4, counts=[8, 4, 2, 2]).path_lengths().tolist())

# %% [markdown]
# ## In words
#
# 1. A record has a lead of 3 over every other class. What do the hinge loss and the cross-entropy
#    each do with it in the next step?
# 2. Why are the categorical and the sparse cross-entropy the same number, and when would you use
#    each?
# 3. The probabilities of the leaves add up to 1 for any scores of the inner nodes. Why?
#
# ## Open exercise
#
# Train `models.HierarchicalSoftmax(64, 10)` on the digits, with its own method `loss`. How many new
# digits does it read correctly? It has fewer weights than softmax regression, and digits that look
# alike may stand far apart in the tree. Give it other `counts`, so that the tree has another form.
# Which tree is good?
#
# ## Where this lives
#
# All models of this notebook are in [`models/classifiers.py`](../models/classifiers.py), the hinge
# losses in [`nn/course_losses.py`](../nn/course_losses.py). `help(F.cross_entropy)` and
# `help(models.HierarchicalSoftmax)` are reference entries. Next:
# [12 · A network that trains](12_a_network_that_trains.ipynb).
