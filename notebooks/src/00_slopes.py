# %% [markdown]
# # 00 · Slopes
#
# | | |
# |---|---|
# | **You will be able to** | measure a slope with two function values, say how wrong the measurement is, and take partial derivatives |
# | **You need** | school algebra; a little Python |
# | **Time** | 15 minutes |
# | **Rows** | G5 |
#
# A derivative answers one question: *if I change the input a little, how much does the output
# change?* In this notebook you measure it. The same measurement will judge every gradient of the
# course.

# %%
import math
import time

import numpy as np

import chainrule as cr
from chainrule import viz
from chainrule.teach import check

# %% [markdown]
# ## A wiggle
#
# Take $f(x) = x^2$ at $x = 3$, where $f = 9$. Raise $x$ by $h = 0.5$ and $f$ rises by
# $3.5^2 - 9 = 3.25$, which is $6.5$ times as much as $x$ moved. With $h = 0.1$ it is
# $\frac{3.1^2 - 9}{0.1} = 6.1$.
#
# **Predict** the next number, for $h = 0.01$. Where does it go as $h$ shrinks?
#
# Write the measurement as a function. It is called the **forward difference**: change of the
# output, divided by change of the input. Replace the `...`; the check below it says whether your
# answer is right, and if not, often which mistake it is. (The check compares your function with
# the right one at three pairs of $x$ and $h$.)


# %%
def square(x):
    return x * x


def forward(f, x, h):
    # [solution]
    return (f(x + h) - f(x)) / h
    # [hole]
    # return ...
    # [mistake] divided by h
    # return f(x + h) - f(x)
    # [mistake] wrong sign
    # return (f(x) - f(x + h)) / h
    # [mistake] backward
    # return (f(x) - f(x - h)) / h
    # [mistake] parentheses
    # return f(x + h) - f(x) / h
    # [mistake] begins at x
    # return (f(x + h) - f(x - h)) / (2 * h)
    # [another]
    # change = f(x + h) - f(x)
    # return change / h
    # [end]


forward_is_right = check.value(
    lambda x, h: forward(square, x, h),
    of=lambda x, h: 2 * x + h,  # what it must give for the square, worked out below
    at=[(3.0, 0.5), (3.0, 0.1), (-1.0, 0.01)],
    name="the forward difference of the square",
    mistakes={
        "the change is not divided by h": lambda x, h: (2 * x + h) * h,
        "that is a step backward, to x − h": lambda x, h: 2 * x - h,
        "the change needs parentheses: Python divides first": lambda x, h: (x + h) ** 2 - x**2 / h,
        "that is 2x: the forward difference begins at x and ends at x + h": lambda x, h: 2 * x,
    },
)
if forward_is_right:
    for h in (0.5, 0.1, 0.01, 0.001):
        print(f"h = {h:<5}  slope {forward(square, 3.0, h):.6f}")

# %% [markdown]
# For the square the algebra can be done to the end:
#
# $$\frac{(x + h)^2 - x^2}{h} = \frac{2xh + h^2}{h} = 2x + h$$
#
# As $h$ shrinks, $2x$ stays. This is the **derivative**: $f'(x) = 2x$, which is 6 at $x = 3$. The
# other term, $h$, is the error of the measurement.
#
# In the picture each $h$ is a straight line through two points of the curve, a *secant*. The
# derivative is the slope of the line that they turn into, the *tangent*.

# %%
x = np.linspace(1.5, 6.5, 51)
plot = viz.Plot("Secants of x² through x = 3 turn into the tangent", x="x", y="x²")
plot.axes.plot(x, square(x), label="x²")
for h in (3.0, 1.5):
    plot.axes.plot(x, 9 + (6 + h) * (x - 3), label=f"h = {h:g}: slope {6 + h:g}")
plot.axes.plot(x, 9 + 6 * (x - 3), label="tangent: slope 6")
plot

# %% [markdown]
# ## A better measurement
#
# The forward difference looks to one side only. Look to both: from $x - h$ to $x + h$. This is the
# **central difference**. How far apart are the two points?


# %%
def cube(x):
    return x * x * x


def central(f, x, h):
    # [solution]
    return (f(x + h) - f(x - h)) / (2 * h)
    # [hole]
    # return ...
    # [mistake] factor 2
    # return (f(x + h) - f(x - h)) / h
    # [mistake] forward difference
    # return (f(x + h) - f(x)) / h
    # [mistake] wrong sign
    # return (f(x - h) - f(x + h)) / (2 * h)
    # [mistake] parentheses
    # return (f(x + h) - f(x - h)) / 2 * h
    # [another]
    # return (forward(f, x, h) + forward(f, x, -h)) / 2
    # [end]


central_is_right = check.value(
    lambda x, h: central(cube, x, h),
    of=lambda x, h: 3 * x**2 + h**2,  # the algebra again, for the cube
    at=[(2.0, 0.5), (2.0, 0.1), (-1.0, 0.1)],
    name="the central difference of the cube",
    mistakes={
        "that is the forward difference again": lambda x, h: 3 * x**2 + 3 * x * h + h**2,
        "2 * h needs parentheses: a / 2 * h is (a / 2) · h": lambda x, h: (3 * x**2 + h**2) * h**2,
        "the whole step is 2h: h to each side": lambda x, h: 3 * x**2 + h**2 / 4,
    },
)
if forward_is_right and central_is_right:
    for h in (0.1, 0.01, 0.001):
        one, both = forward(cube, 2.0, h), central(cube, 2.0, h)
        print(f"h = {h:<5}  forward {one:.6f}  central {both:.6f}")

# %% [markdown]
# The derivative of $x^3$ is $3x^2$, which is 12 at $x = 2$. Make $h$ ten times smaller: the error of
# the forward difference gets about ten times smaller, that of the central difference a hundred
# times. The forward error is proportional to $h$, the central error to $h^2$.
#
# ## How small should h be?
#
# If smaller is better, take $h$ as small as possible. The true slope of $\sin x$ at $x = 1$ is
# $\cos 1$, so the error can be computed. **Predict**: sketch the error of both differences for $h$
# from $10^{-1}$ down to $10^{-15}$. Then run the cell.

# %%
sizes = [10.0**-k for k in np.arange(1, 15.25, 0.25)]
plot = viz.Plot("Error of a measured slope: sin x at x = 1", x="step h", y="absolute error")
plot.axes.set(xscale="log", yscale="log")
if forward_is_right and central_is_right:
    print("h       ", *[f"{h:.0e}" for h in sizes[::8]])
    for measure in (forward, central):
        errors = [abs(measure(math.sin, 1.0, h) - math.cos(1.0)) for h in sizes]
        plot.axes.plot(sizes, errors, label=f"{measure.__name__} difference")
        print(f"{measure.__name__:8}", *[f"{e:.0e}" for e in errors[::8]])
plot

# %% [markdown]
# Read the curves from right to left. They fall, and then they rise again. Two errors are at work.
#
# - **Truncation**, on the right. A curve is not a straight line, and the difference measures a
#   straight line. This error falls with $h$ (forward) or with $h^2$ (central). The axes are
#   *logarithmic*: equal distances are equal factors. So a power of $h$ is a straight line here, and
#   its exponent is the slope: 1 and 2.
# - **Rounding**, on the left. A computer keeps about 16 digits of each number. So $f(x + h)$ and
#   $f(x)$ are each wrong by about $10^{-16}$, and this error is divided by $h$: the smaller $h$, the
#   larger what is left of it. It has slope $-1$, and it is rough because rounding is.
#
# The best $h$ lies where the two meet: near $10^{-8}$ for the forward difference, near $10^{-5}$ for
# the central difference, whose error there is far smaller. A finite difference is never exact. That
# is why the checks of this course allow a small distance and do not ask for equality.
#
# ## A mistake made on purpose
#
# Go too far to the left, and the step disappears altogether:

# %%
h = 1e-16
print("1 + h == 1:", 1.0 + h == 1.0)
print("measured slope of sin x at 1:", (math.sin(1.0 + h) - math.sin(1.0)) / h)
print("true slope:                  ", math.cos(1.0))

# %% [markdown]
# ## Several inputs: partial derivatives
#
# The price of a house, in some unit, depends on its bedrooms and on its area, `sqft`, in thousands of
# square feet:
#
# $$\text{price} = \text{bedrooms}^3 + \text{sqft}^2$$
#
# Now there are two questions. How does the price change if *only* the bedrooms change? And if
# *only* the area changes? Each answer is a **partial derivative**, written
# $\frac{\partial\,\text{price}}{\partial\,\text{bedrooms}}$. To find one, treat the other input as
# a fixed number.
#
# **On paper:** derive both, and put in 2 bedrooms and an area of 3.

# %%
bedrooms = cr.tensor(2.0, requires_grad=True)
sqft = cr.tensor(3.0, requires_grad=True)
price = bedrooms**3 + sqft**2

# [solution]
d_bedrooms = 3 * 2**2
d_sqft = 2 * 3
# [hole]
# d_bedrooms = ...
# d_sqft = ...
# [mistake] power rule
# d_bedrooms = 2**2
# d_sqft = 3
# [mistake] ½
# d_bedrooms = 3 * 2
# d_sqft = 2 * 3
# [mistake] off by 6
# d_bedrooms = 3 * 2**2 + 2 * 3
# d_sqft = 3 * 2**2 + 2 * 3
# [another]
# d_bedrooms = (2.0001**3 - 1.9999**3) / 0.0002
# d_sqft = (3.0001**2 - 2.9999**2) / 0.0002
# [end]
check.grad(d_bedrooms, of=price, wrt=bedrooms, name="∂price/∂bedrooms")
check.grad(d_sqft, of=price, wrt=sqft, name="∂price/∂sqft")

# %% [markdown]
# The picture shows a wiggle at work. The bedrooms move by 0.1, and the area stays. Above each wire
# stands the true change, below it what the derivative predicts: slope times 0.1.

# %%
viz.wiggle(price, bedrooms, 0.1, names={"bedrooms": bedrooms, "sqft": sqft, "price": price})

# %% [markdown]
# At the price the true change is 1.261 and the predicted one $12 \cdot 0.1 = 1.2$. The prediction
# follows the tangent, the truth follows the curve. Try 0.01 in the cell above.
#
# All partial derivatives together are called the **gradient**. The library computes it with
# `backward()`, and puts each part where its input is:

# %%
price.backward()
print("price", price.item(), "  gradient:", bedrooms.grad.item(), sqft.grad.item())

# %% [markdown]
# ## Why not always measure?
#
# A measured gradient costs two function values for *each* input. Here is the cost for a function of
# 1,000 numbers, and beside it the cost of one `backward()`. **Predict** the ratio.


# %%
def total(v):
    return (v**3).sum()


point = np.random.default_rng(0).normal(size=1000)
begin = time.perf_counter()
steps = 1e-5 * np.eye(1000)
measured = np.array([(total(point + step) - total(point - step)) / 2e-5 for step in steps])
middle = time.perf_counter()
v = cr.tensor(point, requires_grad=True)
total(v).backward()
end = time.perf_counter()
print(f"measured, 2,000 function values: {1000 * (middle - begin):7.1f} ms")
print(f"one forward, one backward:       {1000 * (end - middle):7.1f} ms")
print("largest difference:", np.abs(measured - v.grad.numpy()).max())

# %% [markdown]
# A network has millions of inputs to its loss: its weights. So gradients are *computed*, by the
# chain rule, and measured only to be checked. How they are computed is the subject of the next
# notebooks.
#
# ## In words
#
# 1. What does it mean that the slope of a function is $-4$ at some point? And that it is 0?
# 2. Why does the error of a measured slope grow again when $h$ becomes very small?
# 3. At 2 bedrooms and an area of 3, which of the two partial derivatives is larger? Is there a
#    house for which it is the other way round?
#
# ## Open exercise
#
# The library's tensors keep about 7 digits unless you ask for more. Draw the error curve again with
# numbers of that kind, `np.float32`, for $x$, $h$ and the function values. Where is the best $h$
# now, and how small is the error there? Explain both from the two branches.
#
# ## Where this lives
#
# Central differences judge every operation of the library: `help(cr.autograd.gradcheck)`, in
# [`autograd/check.py`](../autograd/check.py). The wiggle is
# [`viz/wiggle_view.py`](../viz/wiggle_view.py). Next:
# [01 · The lecture figure](01_the_lecture_figure.ipynb).
