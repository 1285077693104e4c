# %% [markdown]
# # 03 · Why the order matters
#
# | | |
# |---|---|
# | **You will be able to** | say in which order gradients may go back, write that order in three ways, and choose one that survives deep graphs |
# | **You need** | notebook 02 |
# | **Time** | 20 minutes |
# | **Rows** | G1 |
#
# The backward pass is a loop over nodes. In notebook 02 the order of the loop was given. Here you
# take it apart: first you see a wrong order give a wrong number, then you write a right one.

# %%
import sys
import time
from collections import Counter

import chainrule as cr
from chainrule import viz
from chainrule.teach import check

# %% [markdown]
# ## A graph with shared nodes
#
# Take $b = a + a$ and $c = b + b$, with $a = 1$. Both operations use their input twice.
#
# **On paper:** draw the three nodes and the four arrows. What are $\partial c / \partial b$ and
# $\partial c / \partial a$?

# %%
A = cr.tensor(1.0, requires_grad=True)
B = A + A
C = B + B

# [solution]
dc_db = 2
dc_da = 4
# [hole]
# dc_db = ...
# dc_da = ...
# [mistake] without one of the 2 routes
# dc_db = 1
# dc_da = 1
# [mistake] without one of the 2 routes
# dc_db = 2
# dc_da = 2
# [another]
# dc_db = 1 + 1
# dc_da = (1 + 1) * (1 + 1)
# [end]
if check.grad(dc_db, of=C, wrt=B, name="∂c/∂b"):
    check.grad(dc_da, of=C, wrt=A, name="∂c/∂a")

# %% [markdown]
# ## The first idea: pass it on at once
#
# Here is the `Value` of the last notebook in its shortest form. A node keeps its inputs and one
# local derivative for each.


# %%
class Node:
    made = 0

    def __init__(self, value, inputs=(), local=(), name=""):
        self.value, self.grad = value, 0.0
        self.inputs, self.local = inputs, local
        self.name = name
        Node.made += 1
        self.serial = Node.made

    def __add__(self, other):
        return Node(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return Node(self.value * other.value, (self, other), (other.value, self.value))


# %% [markdown]
# The plainest backward pass is a recursion: whenever a gradient arrives at a node, the node adds it
# to its own and passes what it has on to its inputs. **Predict** what it gives for $a$. Follow the
# arrows on your paper, one arrival after the other.


# %%
def naive_backward(node, arriving=1.0):
    node.grad += arriving
    print(f"{node.name} has {node.grad:g}")
    for i, local in zip(node.inputs, node.local, strict=True):
        naive_backward(i, node.grad * local)


a = Node(1.0, name="a")
b = a + a
c = b + b
b.name, c.name = "b", "c"
naive_backward(c)

# %% [markdown]
# It gives 6, and the right gradient is 4. Read the lines again. After its *first* arrival, $b$
# passed on 1. After the second it had 2 and passed on 2, and in this 2 the first 1 was counted
# again: $1 + 1 + 2 + 2 = 6$.
#
# The player shows the right walk, and the button *Wrong order* replays this one.

# %%
viz.step(C, names={"a": A, "b": B, "c": C})

# %% [markdown]
# ## What a right order is
#
# A node may pass its gradient on when *all* that will arrive has arrived, so after all nodes that
# use it. List the nodes such that each stands **after all its inputs**: this is called a
# *topological order*. Go through it from the end to the beginning, and each node comes after all
# that use it.
#
# Write it as a recursion. To visit a node: if it was seen, do nothing. Otherwise mark it as seen,
# visit its inputs, and only then append the node itself.


# %%
def toposort(root):
    order, seen = [], set()

    def visit(node):
        # [solution]
        if node in seen:
            return
        seen.add(node)
        for i in node.inputs:
            visit(i)
        order.append(node)
        # [hole]
        # order.append(...)  # replace this line; seen.add(node) marks a node as seen
        # [mistake] the other way round
        # if node in seen:
        #     return
        # seen.add(node)
        # order.append(node)
        # for i in node.inputs:
        #     visit(i)
        # [mistake] repeated
        # for i in node.inputs:
        #     visit(i)
        # order.append(node)
        # [another]
        # if node not in seen:
        #     seen.add(node)
        #     for i in reversed(node.inputs):
        #         visit(i)
        #     order.append(node)
        # [end]

    visit(root)
    return order


def inputs_of(node):
    return node.inputs


check.order(toposort(c), of=c, inputs=inputs_of, name="toposort(c)")

# %% [markdown]
# The backward pass along an order is four lines. Now the recursion has done its work before the
# first gradient moves.


# %%
def backward(order):
    for node in order:
        node.grad = 0.0
    order[-1].grad = 1.0
    for node in reversed(order):
        for i, local in zip(node.inputs, node.local, strict=True):
            i.grad += node.grad * local


backward([a, b, c])
print("gradient of a:", a.grad)

# %% [markdown]
# ## Break it on purpose
#
# A longer graph: $b = a + a$, $c = b + b$, $d = c \cdot b$. With $a = 1$ it is $d = 8a^2$, so
# $\partial d / \partial a = 16$. Here is the right order, and one in which two neighbours have
# changed places. **Predict** what the second gives for $a$.

# %%
a = Node(1.0, name="a")
b = a + a
c = b + b
d = c * b
b.name, c.name, d.name = "b", "c", "d"
for order in ([a, b, c, d], [a, c, b, d]):
    backward(order)
    print([node.name for node in order], "gradient of a:", a.grad, "  of b:", b.grad)

# %% [markdown]
# In the second order $b$ has its turn before $c$. At that moment it holds only what came straight
# from $d$, which is 4, and passes on $4 + 4 = 8$. Then $c$ sends two times 2 to $b$. The gradient
# of $b$ is right at the end, 8. But $b$ has had its turn, and $a$ never hears of the rest.
#
# Nothing raised an error. A wrong order gives wrong numbers in silence, and that is why it is worth
# a check:

# %%
check.order(toposort(d), of=d, inputs=inputs_of, name="toposort(d)")

# %% [markdown]
# ## A deep graph
#
# Real graphs are deep: a loop of 100,000 steps makes a chain of 100,000 nodes. The recursion calls
# itself once for every node of the chain, and Python limits how many calls may be inside each other.

# %%
start = Node(0.0, name="start")
step = Node(1.0, name="step")
print("calls inside each other, at most:", sys.getrecursionlimit())
deep = start
for _ in range(100_000):
    deep = deep + step
try:
    print("nodes in the order:", len(toposort(deep)))
except RecursionError as error:
    print("RecursionError:", error)

# %% [markdown]
# ## Without recursion
#
# Keep your own list of what is still to do, a *stack*, instead of Python's. Each entry is a node
# and a flag. `(node, False)` means: visit it. `(node, True)` means: its inputs are done, append it.
# The entry put on the stack last comes off first.


# %%
def toposort_loop(root):
    order, seen, stack = [], set(), [(root, False)]
    while stack:
        node, inputs_done = stack.pop()
        if inputs_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            # [solution]
            stack.append((node, True))
            stack += [(i, False) for i in node.inputs]
            # [hole]
            # order.append(...)  # replace this line: put on the stack what is still to do
            # [mistake] d stands before b
            # stack += [(i, False) for i in node.inputs]
            # stack.append((node, True))
            # [mistake] empty
            # stack += [(i, False) for i in node.inputs]
            # [another]
            # stack.append((node, True))
            # for i in reversed(node.inputs):
            #     if i not in seen:
            #         stack.append((i, False))
            # [end]
    return order


if check.order(toposort_loop(d), of=d, inputs=inputs_of, name="toposort_loop(d)"):
    backward(toposort_loop(d))
    print("gradient of a:", a.grad)
    backward(toposort_loop(deep))
    print("gradient of start:", start.grad, "  of step:", step.grad)

# %% [markdown]
# The chain adds `step` 100,000 times, and its gradient says so.
#
# ## Two more ways
#
# **Counting arrivals.** Count for each node how many arrows leave it towards its users: that many
# gradients will arrive. Begin at the result. Whenever a node has its turn, one arrival of each of
# its inputs is ticked off, and an input for which none is left is ready. This gives the order of
# the backward pass directly, results first.


# %%
def reachable(root):
    seen, found = {root}, [root]
    for node in found:  # the list grows while we go along it
        for i in node.inputs:
            if i not in seen:
                seen.add(i)
                found.append(i)
    return found


def by_arrivals(root):
    expected = Counter(i for node in reachable(root) for i in node.inputs)
    order, ready = [], [root]
    while ready:
        node = ready.pop()
        order.append(node)
        for i in node.inputs:
            # [solution]
            expected[i] -= 1
            if expected[i] == 0:
                ready.append(i)
            # [hole]
            # order.append(...)  # replace this line: tick off one arrival at i; is i ready?
            # [mistake] repeated
            # ready.append(i)
            # [mistake] stands before
            # if expected[i] > 0:
            #     expected[i] = 0
            #     ready.append(i)
            # [another]
            # expected.subtract([i])
            # if not expected[i]:
            #     ready.append(i)
            # [end]
    return order


check.order(by_arrivals(d), of=d, direction="backward", inputs=inputs_of, name="by_arrivals(d)")

# %% [markdown]
# **Serial numbers.** An operation's inputs exist before its result does. So the order in which the
# nodes were *made* is a topological order, and it needs no search: give every node a rising number
# when it is made, collect the nodes that can be reached, in any order, and sort.


# %%
def by_serial(root):
    return sorted(reachable(root), key=lambda node: node.serial, reverse=True)


print([node.name for node in by_serial(d)])

# %% [markdown]
# Which is the fastest on the deep chain? Guess, then measure on your machine.

# %%
for function in (toposort_loop, by_arrivals, by_serial):
    begin = time.perf_counter()
    length = len(function(deep))
    spent = time.perf_counter() - begin
    print(f"{function.__name__:14} {length:6} nodes  {1000 * spent:6.0f} ms")

# %% [markdown]
# The sort is one call that runs in compiled code, and the numbers are nearly sorted already. Counting
# needs dictionary operations for each arrow, in Python. chainrule uses the serial numbers, and
# its [decision 0001](../docs/decisions/0001-creation-order.md) gives these reasons and the price:
# once a node is made, its inputs can never be changed.
#
# ## The same depth in chainrule
#
# A product of 100,000 factors: $y = x \cdot 1.00001^{100000}$. The gradient of $x$ is that power.

# %%
x = cr.tensor(1.0, dtype=cr.float64, requires_grad=True)
begin = time.perf_counter()
y = x
for _ in range(100_000):
    y = y * 1.00001
middle = time.perf_counter()
y.backward()
end = time.perf_counter()
print(f"forward  {1000 * (middle - begin):6.0f} ms")
print(f"backward {1000 * (end - middle):6.0f} ms")
print("gradient", x.grad.item(), "  power", 1.00001**100_000)

# %% [markdown]
# No recursion anywhere, so no depth is too deep.
#
# ## In words
#
# 1. In which graphs does the naive recursion give the right gradient, and why in those?
# 2. A topological order is not unique. Name two for $d = c \cdot b$ with $c = a + a$, $b = a \cdot a$.
#    Why do both give the same gradients?
# 3. What could go wrong with serial numbers if you were allowed to replace an input of a node
#    after it was made?
#
# ## Open exercise
#
# Repair `naive_backward` in another way: let a node pass on only the gradient that *arrives*, not
# all that it has. Show that the gradients are right. Then count its calls for a chain of $n$ doublings,
# $t = t + t$, for $n = 5, 10, 15$. What does a topological order save?
#
# ## Where this lives
#
# The order is `toposort` in [`autograd/graph.py`](../autograd/graph.py), the loop that uses it is
# [`autograd/walker.py`](../autograd/walker.py). `help(cr.Tensor.backward)` is the reference entry.
# Next: [04 · Many routes, one sum](04_many_routes_one_sum.ipynb).
