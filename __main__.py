"""The command: ``chainrule tour``, ``chainrule draw`` (also ``python -m chainrule …``)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import __version__

EXAMPLES = """examples:
  chainrule tour
  chainrule draw "tanh(w*x + b)" x=2 w=-3 b=6.88
  chainrule draw "(x + y) * z" x=2 y=3 z=-4 --html figure.html
  chainrule summary chainrule.models:LeNet --input 1,1,28,28
  chainrule coverage
  chainrule course my-course
"""


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    top = argparse.ArgumentParser(
        prog="chainrule",
        description="An autograd engine you can see through.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"chainrule {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    tour = commands.add_parser(
        "tour",
        help="the lecture's figure, a network on real digits, and your own expression",
        description="Draw the lecture's picture of back-propagation, train a network on real "
        "handwritten digits, and write it all to a page that opens offline.",
        epilog="example:\n  chainrule tour --out tour --seed 0",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tour.add_argument("--out", default="tour", metavar="DIR", help="where to write (tour/)")
    tour.add_argument("--seed", type=int, default=0, help="seed of the split and the network (0)")
    tour.add_argument("--epochs", type=int, default=60, help="passes over the training part (60)")
    draw = commands.add_parser(
        "draw",
        help="draw an expression with its values, local derivatives and gradients",
        description="Draw an expression: values, local derivatives and gradients.",
        epilog='example:\n  chainrule draw "tanh(w*x + b)" x=2 w=-3 b=6.88 --svg neuron.svg',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    draw.add_argument("expression", help='arithmetic and known functions: "tanh(w*x + b)"')
    draw.add_argument("values", nargs="*", metavar="name=value", help="a number for each name")
    draw.add_argument("--svg", metavar="FILE", help="write the drawing as SVG")
    draw.add_argument("--html", metavar="FILE", help="write a page that opens offline")
    draw.add_argument("--dot", metavar="FILE", help="write Graphviz source")
    table = commands.add_parser(
        "summary",
        help="a model as a table: layers, shapes, parameters, multiply-adds, memory",
        description="Run a model once on zeros and print its layers with their costs.",
        epilog="example:\n  chainrule summary chainrule.models:LeNet --input 1,1,28,28",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    table.add_argument("model", help="module:Class, or module:Class(3, 2) with arguments")
    table.add_argument(
        "--input", action="append", required=True, metavar="SHAPE",
        help="shape of an input, batch included: 1,3,224,224 (again for each further input)",
    )  # fmt: skip
    table.add_argument("--depth", type=int, default=3, help="levels of modules to show (3)")
    commands.add_parser(
        "coverage",
        help="which of PyTorch's public names are here",
        description="Count PyTorch's public names area by area: here, to come, left out.",
        epilog="example:\n  chainrule coverage",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    course = commands.add_parser(
        "course",
        help="the course: notebooks in a folder of yours, opened in Jupyter",
        description="Copy the course's notebooks into a folder and start Jupyter on it. A file "
        "that you have changed is never written over.",
        epilog="examples:\n  chainrule course my-course\n  chainrule course --list",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    course.add_argument(
        "folder", nargs="?", default="chainrule-course", metavar="DIR",
        help="where the notebooks go (chainrule-course/)",
    )  # fmt: skip
    course.add_argument("--list", action="store_true", help="print the contents, with minutes")
    course.add_argument("--no-open", action="store_true", help="copy only")
    draw.add_argument("--explain", action="store_true", help="print the derivation as well")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0, or 2 for what cannot be read or done."""
    top = parser()
    given = top.parse_args(argv)
    if given.command is None:
        top.print_help()
        return 0
    try:
        if given.command == "tour":
            from .cli.tour import run as run_tour

            run_tour(given.out, given.seed, given.epochs)
        elif given.command == "summary":
            from .cli.summary import run as run_summary

            run_summary(given)
        elif given.command == "coverage":
            from .compat.coverage import coverage

            coverage()
        elif given.command == "course":
            from .cli.course import run as run_course

            run_course(given)
        else:
            from .cli.draw import run as run_draw

            run_draw(given)
    except (ValueError, OSError, ImportError) as error:
        print(f"chainrule {given.command}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
