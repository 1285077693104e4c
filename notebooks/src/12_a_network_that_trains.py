# %% [markdown]
# # 12 · A network that trains
#
# | | |
# |---|---|
# | **You will be able to** | write a training loop, see from its curve when it goes wrong, and look into a network that has learned to read digits |
# | **You need** | notebooks 07 (gradients that go wrong) and 08 (neurons); 10 and 11 for the losses |
# | **Time** | 20 minutes |
# | **Rows** | R7 |
#
# All parts are there: neurons, activations, losses, gradients. Four lines of code put them together
# and repeat. In this notebook you write these lines, and three networks learn by them: one of 17
# parameters, one that bends a border around two half-moons, and one that reads handwriting.

# %%
import numpy as np

import chainrule as cr
from chainrule import models, nn, viz
from chainrule.data import load_digits, stratified_split
from chainrule.data.tables import gate
from chainrule.nn import functional as F
from chainrule.teach import check

# %% [markdown]
# ## What a hidden layer is for
#
# XOR is 1 where exactly one of two inputs is 1. No line parts its four rows (notebook 08). This
# network with two hidden neurons does it:
#
# $$h_1 = \text{ReLU}(a + b), \qquad h_2 = \text{ReLU}(a + b - 1), \qquad \hat y = h_1 - 2 h_2$$
#
# **On paper:** $(h_1, h_2)$ and $\hat y$ for the rows $(0, 0)$, $(0, 1)$, $(1, 0)$, $(1, 1)$. The
# ReLU is $\max(0, z)$.

# %%
xor_x, xor_y = cr.tensor(gate("xor").x), cr.tensor(gate("xor").y)
by_hand = models.xor_by_hand()

# [solution]
hidden = [[0, 0], [1, 0], [1, 0], [2, 1]]
outputs = [0, 1, 1, 0]
# [hole]
# hidden = [[..., ...], [..., ...], [..., ...], [..., ...]]  # a row for each record
# outputs = [..., ..., ..., ...]
# [mistake] without the ReLU
# hidden = [[0, -1], [1, 0], [1, 0], [2, 1]]
# outputs = [2, 1, 1, 0]
# [mistake] transposed
# hidden = [[0, 1, 1, 2], [0, 0, 0, 1]]
# outputs = [0, 1, 1, 0]
# [mistake] the −1 in h2 was forgotten
# hidden = [[0, 0], [1, 1], [1, 1], [2, 2]]
# outputs = [0, -1, -1, -2]
# [another]
# hidden = [[max(0, s), max(0, s - 1)] for s in (0, 1, 1, 2)]
# outputs = [h1 - 2 * h2 for h1, h2 in hidden]
# [end]
before = by_hand.layers[0](xor_x)
h = F.relu(before)
slips = {"that is without the ReLU": before, "the −1 in h2 was forgotten": h[:, :1].expand(4, 2)}
check.value(hidden, of=h, name="the hidden layer", mistakes=slips)
slips = {"h2 counts −2 times": h.sum(1), "the sign of h2 is a minus": h[:, 0] + 2 * h[:, 1]}
check.value(outputs, of=by_hand(xor_x).flatten(), name="the outputs", mistakes=slips)

# %% [markdown]
# Now look at the four rows as the *output* neuron sees them, in the plane of $h_1$ and $h_2$:

# %%
viz.decision_boundary(
    lambda h: h @ cr.tensor([1.0, -2.0]) - 0.5,
    h,
    xor_y,
    names=["XOR is 0", "XOR is 1"],
    title="XOR behind the hidden layer",
    x="h₁",
    y="h₂",
    steps=25,
)

# %% [markdown]
# The rows $(0, 1)$ and $(1, 0)$ have become one point, and a straight line is enough. A hidden layer
# *moves* the records until the last layer can part them.
#
# ## Four lines
#
# Nobody will choose the weights of a large network by hand. Here is how a network finds them. One
# **step** of training is:
#
# 1. **forward**: compute the loss of the batch;
# 2. **zero the gradients**, because `backward()` *adds* to what is there: `optimizer.zero_grad()`;
# 3. **backward**: compute the gradient of every parameter: `loss.backward()`;
# 4. **step**: move every parameter against its gradient: `optimizer.step()`.
#
# Before you write them: which two of the lines could change places without any harm?


# %%
def train_step(model, optimizer, loss_fn, x, y):
    # [solution]
    loss = loss_fn(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    # [hole]
    # loss = ...  # forward
    # ...  # and three more lines
    # return ...  # the loss as a number: loss.item()
    # [mistake] gradients not zeroed
    # loss = loss_fn(model(x), y)
    # loss.backward()
    # optimizer.step()
    # return loss.item()
    # [mistake] backward() was not called
    # loss = loss_fn(model(x), y)
    # optimizer.zero_grad()
    # optimizer.step()
    # return loss.item()
    # [mistake] zero_grad() stands between
    # loss = loss_fn(model(x), y)
    # loss.backward()
    # optimizer.zero_grad()
    # optimizer.step()
    # return loss.item()
    # [another]
    # optimizer.zero_grad()
    # loss = loss_fn(model(x), y)
    # loss.backward()
    # optimizer.step()
    # return loss.item()
    # [another]
    # loss = loss_fn(model(x), y)
    # loss.backward()
    # optimizer.step()
    # optimizer.zero_grad()
    # return loss
    # [end]


def train(step, lr=0.1):
    cr.manual_seed(3)
    network = models.MLP(2, 4, 1, activation=nn.Tanh)
    optimizer = cr.optim.SGD(network.parameters(), lr=lr)
    args = network, optimizer, F.mse_loss, xor_x, xor_y[:, None]
    return network, [step(*args) for _ in range(200)]


network, losses = train(train_step)
trains = check.trains(losses, below=0.05, model=network, name="XOR")

# %% [markdown]
# The check looks at the losses, and at the gradients too if the losses do not move. The network began
# with random numbers. This is what it says now for the four rows, and these are its layers:

# %%
if trains:
    print("outputs:", [round(v, 2) for v in network(xor_x).flatten().tolist()])
    print(network, "\nparameters:", models.count_parameters(network))

# %% [markdown]
# ## Two mistakes made on purpose
#
# The line that is forgotten most often is `zero_grad()`. **Predict** the curve: every step then uses
# the sum of *all* gradients so far. What happens when the network gets to the bottom of a valley?


# %%
def forgetful_step(model, optimizer, loss_fn, x, y):
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


curves = {"gradients never zeroed": train(forgetful_step)[1]}
if trains:
    curves["four lines"] = losses
title = "XOR with and without zero_grad()"
viz.learning_curves(curves, title, x="step", y="loss (squared error)", log=False)

# %% [markdown]
# At the bottom, the sum still points down the slope by which the network came. So the network runs
# through the valley and up the other side, until enough opposite gradients are added, and back. No
# error is raised. You know the mistake by the waves in the curve.
#
# The other mistake is a learning rate that is too large. The same network with 1.0 in place of 0.1:

# %%
if trains:
    print([f"{float(loss):.3g}" for loss in train(train_step, lr=1.0)[1][:40:4]])

# %% [markdown]
# Each step goes beyond the minimum, and farther than the one before, until the numbers overflow.
# Notebook 13 is about the right size.
#
# ## Moons
#
# Two half-circles, hooked into one another, with noise: 60 points of two classes. The output of the
# network is a score, and the loss is binary cross-entropy, computed from the score. **Predict**: how
# many hidden neurons are needed to get all points right?

# %%
rng = np.random.default_rng(0)
angle = rng.uniform(0, np.pi, 60)
which = np.arange(60) % 2
arcs = np.where(which, [1 - np.cos(angle), 0.5 - np.sin(angle)], [np.cos(angle), np.sin(angle)])
points = cr.tensor(arcs.T + 0.15 * rng.normal(size=(60, 2)), dtype=cr.float32)
classes = cr.tensor(which, dtype=cr.float32)[:, None]

loss_fn = F.binary_cross_entropy_with_logits
for neurons in (1, 2, 3) if trains else ():
    cr.manual_seed(0)
    network = models.MLP(2, neurons, 1, activation=nn.Tanh)
    optimizer = cr.optim.Adam(network.parameters(), lr=0.02)
    losses = [train_step(network, optimizer, loss_fn, points, classes) for _ in range(600)]
    right = ((network(points) > 0) == (classes > 0)).float().mean().item()
    print(f"hidden neurons: {neurons}  loss {float(losses[-1]):.3f}  right {right:.1%}")

# %%
viz.decision_boundary(
    network,
    points,
    which,
    names=["upper moon", "lower moon"],
    title="Moons, three hidden neurons",
    steps=25,
) if trains else None

# %% [markdown]
# One hidden neuron can draw a line and no more. Three soft steps, each along a line of its own, add
# up to a border that follows the moons. (`Adam` is an optimizer that chooses the size of the step
# for each parameter: notebook 13.)
#
# ## Handwritten digits
#
# 1,797 images of 8 × 8 pixels, each a digit. A quarter is kept aside for the test. The network has
# 64 inputs, 24 hidden neurons and 10 outputs, one score for each digit. The loss is softmax with
# cross-entropy.

# %%
images, labels = load_digits()
train_part, test_part = stratified_split(labels, test=0.25)
pixels, digits = cr.tensor(images / 16, dtype=cr.float32).flatten(1), cr.tensor(labels)
x, y = pixels[train_part], digits[train_part]
x_test, y_test = pixels[test_part], digits[test_part]
print(f"images: {len(images)}, for training {len(x)}, for the test {len(x_test)}")

# %% [markdown]
# **On paper:**
#
# - How many parameters has this network, weights and biases?
# - How many has the lecture's first one, which reads 28 × 28 = 784 pixels without a hidden layer?
# - How many steps make an epoch, if each step takes 64 of the 1,347 training images, and the last
#   one takes what is left?

# %%
cr.manual_seed(0)
reader = models.MLP(64, 24, 10)

# [solution]
parameters = 64 * 24 + 24 + 24 * 10 + 10
lecture = 784 * 10 + 10
steps = 22
# [hole]
# parameters = ...  # of 64 → 24 → 10
# lecture = ...  # of 784 → 10
# steps = ...
# [mistake] the biases are missing
# parameters = 64 * 24 + 24 * 10
# lecture = 784 * 10
# steps = 22
# [mistake] the biases of the hidden layer are missing
# parameters = 64 * 24 + 24 * 10 + 10
# lecture = 784 * 10 + 10
# steps = 22
# [mistake] off by one
# parameters = 64 * 24 + 24 + 24 * 10 + 10
# lecture = 784 * 10 + 10
# steps = 1347 // 64
# [another]
# parameters = (64 + 1) * 24 + (24 + 1) * 10
# lecture = (784 + 1) * 10
# steps = -(-1347 // 64)
# [end]
count = models.count_parameters
first, second = reader.layers[0], reader.layers[2]
slips = {
    "the biases are missing": first.weight.numel() + second.weight.numel(),
    "the biases of the hidden layer are missing": first.weight.numel() + count(second),
    "the biases of the outputs are missing": count(first) + second.weight.numel(),
    "the two layers are added, not multiplied": 64 * 24 * 10,
    "one bias for each output of a layer, none for its inputs": count(first) + 64 + count(second),
}
check.value(parameters, of=count(reader), name="parameters", mistakes=slips)
check.value(lecture, of=count(models.MLP(784, 10)), name="the lecture's parameters")
slips = {
    "the last step takes what is left, and it is a step too": len(x) / 64,
    "the test images take no part": -(-len(images) // 64),
}
check.value(steps, of=len(cr.arange(len(x)).split(64)), name="steps of an epoch", mistakes=slips)

# %% [markdown]
# `models.fit` is your four lines in two loops: over the epochs, and over the batches of each epoch,
# shuffled anew. It returns the loss of every step. Before it begins, one look at the gradients:

# %%
viz.flow(reader, x[:256], y[:256], loss_fn=F.cross_entropy, lr=0.1)

# %% [markdown]
# The weights of both layers get gradients of about the same size, none of them near zero, and no
# neuron is dead. The network can learn.

# %%
cr.manual_seed(0)
optimizer = cr.optim.Adam(reader.parameters(), lr=0.005)
history = {"training": [], "test": []}
for _ in range(20):
    step_losses = models.fit(reader, x, y, optimizer, epochs=1, batch_size=64)
    history["training"].append(np.mean(step_losses))
    history["test"].append(F.cross_entropy(reader(x_test), y_test).item())
viz.learning_curves(history, "A reader of digits learns", y="cross-entropy (nats)")

# %% [markdown]
# Both curves fall, and then part: on images that it has not trained on, the network does less well.
# When to stop is a subject of notebook 15.
#
# ## How good is it?
#
# A row of scores has one number for each digit. The prediction is the digit with the largest score,
# `argmax` over each row. The **accuracy** is the share of the images for which this is the true
# digit.

# %%
scores = reader(x_test).detach()  # 450 rows, 10 scores each

# [solution]
predicted = scores.argmax(1)
accuracy = (predicted == y_test).float().mean()
# [hole]
# predicted = ...  # 450 digits
# accuracy = ...  # one number between 0 and 1
# [mistake] their share is asked for
# predicted = scores.argmax(1)
# accuracy = (predicted == y_test).float().sum()
# [mistake] one minus
# predicted = scores.argmax(1)
# accuracy = (predicted != y_test).float().mean()
# [mistake] place of the largest score
# predicted = scores.max(1).values
# accuracy = (predicted == y_test).float().mean()
# [another]
# predicted = scores.max(1).indices
# accuracy = int((predicted == y_test).sum()) / len(y_test)
# [end]
truth = models.accuracy(reader, x_test, y_test)
hits = scores.max(1).values == y_test
slips = {
    "that is how many are right, and their share is asked for": truth * len(y_test),
    "no image is right: compare the place of the largest score of each row": hits.float().mean(),
    "divided by the number of training images": truth * len(y_test) / len(y),
    "that is the accuracy on the training images": models.accuracy(reader, x, y),
}
read = check.value(accuracy, of=truth, name="accuracy", mistakes=slips)
if read:
    print(f"accuracy on the test images: {float(accuracy):.1%}")

# %% [markdown]
# One number hides what kind of mistakes are made. The **confusion matrix** counts them: a row for
# each true digit, a column for each prediction.

# %%
predictions = reader(x_test).argmax(1)
counts = nn.metrics.confusion_matrix(y_test, predictions)
viz.confusion_matrix(counts, [str(k) for k in range(10)], "True and predicted digits")

# %%
wrong = predictions != y_test
pairs = zip(y_test[wrong].tolist(), predictions[wrong].tolist(), strict=True)
captions = [f"{true}, read as {said}" for true, said in pairs]
viz.image_strip(x_test[wrong].reshape(-1, 8, 8)[:6], captions[:6], "Some that were misread")

# %% [markdown]
# ## What the neurons see
#
# A hidden neuron multiplies every pixel by a weight. So its 64 weights are a picture of what it
# looks for: **blue** where ink raises its score, **orange** where ink lowers it. Neuron 0 of the
# hidden layer is at the top left, neuron 23 at the bottom right:

# %%
viz.filters(reader.layers[0], shape=(8, 8), title="Weights of the hidden neurons")

# %%
activity = F.relu(reader.layers[0](x)).detach()
for k in (7, 13, 22, 23):
    most = activity[:, k].argsort(descending=True)[:12]
    print(f"neuron {k:2} is most active for these digits:", *y[most].tolist())
silent = (activity.max(0).values == 0).nonzero().flatten().tolist()
print("never active:", silent)

# %% [markdown]
# Each of these four answers to one digit, with few exceptions. Nobody told them to: the gradient of
# the loss made them so.
#
# The pale pictures belong to the neurons that are never active. Their score is not positive for any
# image. So the ReLU gives 0 and lets no gradient through, and their weights stay as they are: they
# are *dead*. `viz.flow` finds them too, in its last column:

# %%
print(viz.flow(reader, x[:256], y[:256], loss_fn=F.cross_entropy, lr=0.1))

# %% [markdown]
# ## In words
#
# 1. Which lines of `train_step` may change places, and which may not? What happens in each case
#    that is not allowed?
# 2. The loss of a network does not move at all. Name three causes, and what you would look at to
#    tell them apart.
# 3. Why is the accuracy measured on images that were kept aside? What would the accuracy on the
#    training images tell you?
#
# ## Open exercise
#
# Train the reader without a hidden layer, `models.MLP(64, 10)`, and with two of them,
# `models.MLP(64, 24, 24, 10)`. Compare parameters, curves and test accuracy. Then give the first
# one's ten pictures of weights to `viz.filters`. What do you recognise in them that the hidden
# neurons do not show?
#
# ## Where this lives
#
# `MLP` is in [`models/mlp.py`](../models/mlp.py), the loop in
# [`models/fitting.py`](../models/fitting.py), and what `step()` does in
# [`optim/sgd.py`](../optim/sgd.py). `help(cr.models.fit)` is its reference entry. Next:
# [13 · Optimizers](13_optimizers.ipynb).
