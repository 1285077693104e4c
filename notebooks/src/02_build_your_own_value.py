# %% [markdown]
# # 02 · Build your own Value
#
# | | |
# |---|---|
# | **You will be able to** | write an engine that records a computation and carries gradients back through it |
# | **You need** | notebook 01; Python functions and classes |
# | **Time** | 30 minutes |
# | **Rows** | G1, G2, G3 |
#
# In notebook 01 you carried the gradients by hand. Now you write the program that does it: a class
# `Value` for single numbers, about sixty lines, in six holes. Every hole is compared with
# chainrule's own gradients.

# %%
import math

import chainrule as cr
from chainrule import viz
from chainrule.teach import check

# %% [markdown]
# ## A number that remembers
#
# A plain number forgets where it came from: 5 does not know that it was $2 + 3$. To go back, a
# value must keep two things: its **inputs**, and a **rule**. The rule belongs to one operation
# alone. It takes $g$, the gradient that arrives at the output, and returns one gradient for each
# input: *upstream times local*.
#
# The serial number counts the Values as they are made. You will see soon what it is good for.


# %%
class Value:
    made = 0

    def __init__(self, data, inputs=(), rule=None):
        self.data = data  # the number
        self.grad = 0.0  # d(result) / d(this number), filled in on the way back
        self.inputs = inputs  # the Values that it was computed from
        self.rule = rule  # from the gradient of this number to those of its inputs
        Value.made += 1
        self.serial = Value.made

    def __repr__(self):
        return f"Value({self.data:g}, grad={self.grad:g})"


# %% [markdown]
# The lecture figure will judge your first two operations: $q = x + y$, $f = q \cdot z$ at $x = 2$,
# $y = 3$, $z = -4$. In the cells that check your engine, capital letters are chainrule's tensors and
# small letters are your Values.

# %%
X = cr.tensor(2.0, requires_grad=True)
Y = cr.tensor(3.0, requires_grad=True)
Z = cr.tensor(-4.0, requires_grad=True)
Q = X + Y
F = Q * Z

# %% [markdown]
# ## The sum
#
# The forward part is given. Write what the rule returns: a gradient $g$ arrives at $a + b$. Which
# part of it goes to $a$, which to $b$?


# %%
def add(a, b):
    def rule(g):
        # [solution]
        return g, g
        # [hole]
        # return ..., ...  # the gradient of a, the gradient of b
        # [mistake] local derivative
        # return 1.0, 1.0
        # [mistake] ½
        # return g / 2, g / 2
        # [another]
        # return 1 * g, 1 * g
        # [end]

    return Value(a.data + b.data, (a, b), rule)


q = add(Value(2.0), Value(3.0))
to_x, to_y = q.rule(-4.0)  # in the lecture figure, -4 arrives at the sum
check.grad(to_x, of=F, wrt=X, name="the sum's gradient for x")
check.grad(to_y, of=F, wrt=Y, name="the sum's gradient for y")

# %% [markdown]
# ## The product
#
# Now both parts: the number that comes out, and the rule. For the check we go one step on, to
# $10 \cdot f$, so that 10 arrives at the product and not 1.


# %%
def mul(a, b):
    # [solution]
    out = a.data * b.data

    def rule(g):
        return g * b.data, g * a.data

    # [hole]
    # out = ...  # the number that comes out
    #
    # def rule(g):
    #     return ..., ...  # the gradient of a, the gradient of b
    #
    # [mistake] the derivative by Z was used for Q
    # out = a.data * b.data
    #
    # def rule(g):
    #     return g * a.data, g * b.data
    #
    # [mistake] local derivative
    # out = a.data * b.data
    #
    # def rule(g):
    #     return b.data, a.data
    #
    # [another]
    # out = b.data * a.data
    #
    # def rule(g):
    #     return b.data * g, a.data * g
    #
    # [end]
    return Value(out, (a, b), rule)


F10 = 10 * F
f = mul(Value(5.0), Value(-4.0))
to_q, to_z = f.rule(10.0)
if check.value(f.data, of=F, name="the product"):
    check.grad(to_q, of=F10, wrt=Q, name="the product's gradient for q")
    check.grad(to_z, of=F10, wrt=Z, name="the product's gradient for z")

# %% [markdown]
# ## Backward, one rule at a time
#
# Build the lecture figure from your own operations and go back by hand. The result has gradient 1.
# Each rule takes the gradient of *its own output*. Call the rules; type no numbers.

# %%
x, y, z = Value(2.0), Value(3.0), Value(-4.0)
q = add(x, y)
f = mul(q, z)
f.grad = 1.0

# [solution]
q.grad, z.grad = f.rule(f.grad)
x.grad, y.grad = q.rule(q.grad)
# [hole]
# q.grad, z.grad = ..., ...  # call the rule of f
# x.grad, y.grad = ..., ...  # call the rule of q
# [mistake] local derivative
# q.grad, z.grad = f.rule(f.grad)
# x.grad, y.grad = q.rule(f.grad)
# [mistake] the derivative by Z was used for Q
# z.grad, q.grad = f.rule(f.grad)
# x.grad, y.grad = q.rule(q.grad)
# [another]
# (q.grad, z.grad) = f.rule(1.0)
# (x.grad, y.grad) = q.rule(z.data)
# [end]
for value, tensor, name in ((q, Q, "q"), (z, Z, "z"), (x, X, "x"), (y, Y, "y")):
    check.grad(value.grad, of=F, wrt=tensor, name=f"the gradient of {name}")

# %% [markdown]
# ## Backward, in one call
#
# What you did by hand is a loop: take the Values one after the other, *outputs before inputs*,
# call each rule, and give the results to the inputs. The order comes from the serial numbers: an
# input exists before its output does, so a falling serial number is such an order. (Notebook 03
# takes the order apart.)


# %%
def outputs_first(root):
    found = [root]
    for node in found:  # the list grows while we go along it
        for value in node.inputs:
            if value not in found:
                found.append(value)
    return sorted(found, key=lambda value: value.serial, reverse=True)


# %% [markdown]
# One line is left. A Value may be the input of several operations: in $a \cdot b + b$ two routes
# lead from $b$ to the result. What should happen when a second gradient arrives at the same Value?


# %%
def backward(root):
    root.grad = 1.0
    for node in outputs_first(root):
        if node.rule is None:
            continue  # an input of the whole program: nothing lies behind it
        for value, g in zip(node.inputs, node.rule(node.grad), strict=True):
            # [solution]
            value.grad += g
            # [hole]
            # value.grad = ...  # g has arrived at this input
            # [mistake] without the route
            # value.grad = g
            # [mistake] routes add up
            # value.grad = (value.grad + g) / (2 if value.grad else 1)
            # [another]
            # value.grad = g + value.grad
            # [end]


def gradient_of_b():
    a, b = Value(2.0), Value(3.0)
    backward(add(mul(a, b), b))
    return b.grad


A = cr.tensor(2.0, requires_grad=True)
B = cr.tensor(3.0, requires_grad=True)
check.grad(gradient_of_b, of=A * B + B, wrt=B, name="the gradient of b in a·b + b")

# %% [markdown]
# ## Programs as you know them
#
# Python calls `__add__` for `+` and `__mul__` for `*`. Put your functions there, and the same
# program text runs on plain numbers, on your Values and on chainrule's tensors. A difference needs
# no rule of its own: $a - b$ is $a + (-1) \cdot b$.


# %%
def as_value(v):
    return v if isinstance(v, Value) else Value(v)


Value.__add__ = Value.__radd__ = lambda a, b: add(a, as_value(b))
Value.__mul__ = Value.__rmul__ = lambda a, b: mul(a, as_value(b))
Value.__sub__ = lambda a, b: a + -1 * as_value(b)


def lecture_figure(x, y, z):
    return (x + y) * z


print(lecture_figure(2.0, 3.0, -4.0))

# %% [markdown]
# Two short functions run a program and return the gradients of its inputs: one with your engine,
# one with chainrule.


# %%
def my_gradients(program, *numbers):
    values = [Value(n) for n in numbers]
    backward(program(*values))
    return [v.grad for v in values]


def true_gradients(program, *numbers):
    tensors = [cr.tensor(n, dtype=cr.float64, requires_grad=True) for n in numbers]
    program(*tensors).backward()
    return [t.grad for t in tensors]


check.value(
    my_gradients,
    of=true_gradients,
    at=[(lecture_figure, 2.0, 3.0, -4.0), (lecture_figure, 1.0, 3.0, -3.0)],
    name="the lecture figure and its second copy",
)

# %% [markdown]
# ## A neuron
#
# A neuron needs one operation more: $t = \tanh a$. Its derivative can be written with the *output*:
# $\frac{dt}{da} = 1 - t^2$. So the rule uses the number that the forward pass has computed already.


# %%
def tanh(a):
    t = math.tanh(a.data)

    def rule(g):
        # [solution]
        return (g * (1 - t**2),)
        # [hole]
        # return (...,)  # one input, so a tuple of one gradient
        # [mistake] at the input instead of the output
        # return (g * (1 - a.data**2),)
        # [mistake] upstream
        # return (1 - t**2,)
        # [another]
        # return (g / math.cosh(a.data) ** 2,)
        # [end]

    return Value(t, (a,), rule)


A = cr.tensor(0.5, requires_grad=True)
to_a = tanh(Value(0.5)).rule(3.0)[0]  # 3 arrives at the output
check.grad(to_a, of=3 * A.tanh(), wrt=A, name="the rule of tanh")

# %% [markdown]
# **On paper:** a neuron multiplies each input by a *weight* and adds a *bias*. Take the inputs
# $x_1 = 2$, $x_2 = 1$, the weights $w_1 = 0.5$, $w_2 = -1$ and the bias $b = 0.5$. The sum is
# $2 \cdot 0.5 + 1 \cdot (-1) + 0.5 = 0.5$, and the output of the neuron is $\tanh 0.5$.
# Which of the five gradients is the largest, and which are equal? Decide, then run.

# %%
Value.tanh = tanh


def neuron(x1, x2, w1, w2, b):
    return (w1 * x1 + w2 * x2 + b).tanh()


at = (2.0, 1.0, 0.5, -1.0, 0.5)
if check.value(my_gradients, of=true_gradients, at=[(neuron, *at)], name="the neuron"):
    print("x1, x2, w1, w2, b:", [round(g, 4) for g in my_gradients(neuron, *at)])

# %% [markdown]
# Now the picture, from chainrule, which runs the same text. Read it from right to left: the factor
# $1 - t^2$ comes first, the sums hand it on as it is, and each product scales it by the other factor.

# %%
x1, x2, w1, w2, b = (cr.tensor(n, requires_grad=True) for n in at)  # tensors this time
viz.draw(neuron(x1, x2, w1, w2, b))

# %% [markdown]
# ## A power
#
# The last hole: $a^n$ with a fixed number $n$. The rule follows from $\frac{d}{da} a^n = n a^{n-1}$.


# %%
def power(a, n):
    # [solution]
    out = a.data**n

    def rule(g):
        return (g * n * a.data ** (n - 1),)

    # [hole]
    # out = ...
    #
    # def rule(g):
    #     return (...,)
    #
    # [mistake] the power rule
    # out = a.data**n
    #
    # def rule(g):
    #     return (g * n * a.data**n,)
    #
    # [mistake] the power rule
    # out = a.data**n
    #
    # def rule(g):
    #     return (g * a.data ** (n - 1),)
    #
    # [another]
    # out = math.pow(a.data, n)
    #
    # def rule(g):
    #     return (g * n * out / a.data,)
    #
    # [end]
    return Value(out, (a,), rule)


A = cr.tensor(5.0, requires_grad=True)
a_cubed = power(Value(5.0), 3)
if check.value(a_cubed.data, of=A**3, name="5 to the power of 3"):
    check.grad(a_cubed.rule(10.0)[0], of=10 * A**3, wrt=A, name="the rule of the power")

# %% [markdown]
# ## Two programs of the lecture
#
# Your engine is complete: add `**` to it, and the lecture's two chains run on it. Work the gradients
# out on paper before you run the cell.
#
# - $y = x^2$, $m = y^2$, $z = m^2 - 1$. So $z = x^8 - 1$. What is its slope at $x = 2$?
# - $u = a^2 + 7b$, $z = 4u$ at $a = 1.5$, $b = -2$. What are $\partial z / \partial a$ and
#   $\partial z / \partial b$?


# %%
Value.__pow__ = power


def three_squares(x):
    y = x**2
    m = y**2
    return m**2 - 1


def four_u(a, b):
    return 4 * (a**2 + 7 * b)


programs = [(three_squares, 2.0), (four_u, 1.5, -2.0)]
if check.value(my_gradients, of=true_gradients, at=programs, name="two chains"):
    for program, *numbers in programs:
        print(program.__name__, numbers, my_gradients(program, *numbers))

# %% [markdown]
# ## Two routes through a small network
#
# One input, 0.5, goes into a hidden unit $a$. Two units above it, $h_1$ and $h_2$, lead to the
# output, and the loss is its squared distance from 1. The weight $w_1$ reaches the loss on two
# routes, through $h_1$ and through $h_2$. Your `+=` adds what comes back on them.


# %%
def network(w1, w2, w3, w4, w5):
    a = (w1 * 0.5).tanh()
    h1 = (w2 * a).tanh()
    h2 = (w3 * a).tanh()
    return (w4 * h1 + w5 * h2 - 1.0) ** 2


weights = (0.8, 0.3, -0.6, 0.9, 0.4)
right = check.value(my_gradients, of=true_gradients, at=[(network, *weights)], name="the network")
if right:
    print("w1 … w5:", [round(g, 5) for g in my_gradients(network, *weights)])

# %% [markdown]
# The same program in chainrule, from top to bottom. Find the value that two arrows leave. Multiply
# the gradient at the end of each arrow by the local derivative on it, and add the two products: you
# get the gradient of that value.

# %%
w1, w2, w3, w4, w5 = (cr.tensor(n, requires_grad=True) for n in weights)
loss = network(w1, w2, w3, w4, w5)
viz.draw(loss, direction="TB")

# %% [markdown]
# ## A mistake made on purpose
#
# `+=` has a price: gradients stay. Call `backward` twice on the lecture figure. The gradient of $x$
# should be $-4$; after two calls you might expect $-8$.

# %%
x, y, z = Value(2.0), Value(3.0), Value(-4.0)
if right:  # it needs your whole engine
    f = lecture_figure(x, y, z)
    backward(f)
    first = x.grad
    backward(f)
    print("gradient of x after one call:", first, "  after two:", x.grad)

# %% [markdown]
# It is $-12$. In the second call $q$ still held its old $-4$, added the new $-4$, and sent $-8$ on
# to $x$. chainrule keeps the gradients that are on their way in a dictionary that belongs to one
# walk. Only the leaves keep theirs. And it refuses a second walk over the same graph unless you ask
# for it:

# %%
F = lecture_figure(X, Y, Z)
F.backward()
try:
    F.backward()
except RuntimeError as error:
    print(error)

# %% [markdown]
# ## What the real engine does differently
#
# The idea is the one that you wrote. Three files carry it:
#
# | yours | chainrule's | what is added |
# |---|---|---|
# | `rule` inside `add`, `mul`, … | [`autograd/op.py`](../autograd/op.py) | a rule is declared once for each operation; the names of its arguments say which numbers the forward pass keeps |
# | `inputs`, `serial`, `outputs_first` | [`autograd/graph.py`](../autograd/graph.py) | values point to nodes and never back, so the graph goes when its last value goes |
# | `backward` | [`autograd/walker.py`](../autograd/walker.py) | arrays that were broadcast are summed back; what the rules kept is freed on the way |
#
# You can look at the recorded graph. Here are the operation of the last node, the numbers that it
# keeps for its rule, and the nodes of its inputs with their serial numbers:

# %%
F = lecture_figure(X, Y, Z)
print(F.grad_fn.op, "keeps", [float(n) for n in F.grad_fn.saved])
for node in F.grad_fn.inputs:
    print("  input:", type(node).__name__, "with serial number", node.serial)

# %% [markdown]
# ## In words
#
# 1. Why does a rule return *gradients of its inputs* and not only local derivatives?
# 2. `add` keeps nothing from the forward pass, `mul` keeps two numbers, `tanh` one. Which, and why?
# 3. What would go wrong if `backward` visited the Values in rising serial order?
#
# ## Open exercise
#
# Add `exp` to your engine, and a quotient $a / b$ as $a \cdot b^{-1}$. Write the logistic function
# $\sigma(a) = \frac{1}{1 + e^{-a}}$ with `.exp()` and `**`, which Values and tensors both understand,
# and compare with `check.value(my_gradients, of=true_gradients, at=[…])`.
#
# ## Where this lives
#
# The rules of sum and product are two declarations in
# [`autograd/ops/arithmetic.py`](../autograd/ops/arithmetic.py); the loop is
# [`autograd/walker.py`](../autograd/walker.py). `help(cr.tanh)` is the reference entry of tanh.
# Next: [03 · Why the order matters](03_why_the_order_matters.ipynb).
