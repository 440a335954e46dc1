# SPDX-License-Identifier: MIT
"""peers.py - runs the scenarios over Trio and AnyIO, in virtual time, and compares.

	peers.py CREW SCENARIOS DIFFERENCES	CREW: the program made of crew.c
	peers.py versions			are they the ones that DIFFERENCES is about?

What differs must differ exactly as DIFFERENCES says, and what it says must differ.
"""
import contextlib
import difflib
import math
import subprocess
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")  # AnyIO 3 uses what Trio 0.22 calls deprecated

import anyio
import anyio.lowlevel
import trio
import trio.testing


class Failed(Exception):
    """`fail N`"""


class Node:
    """A statement: its words, and the block behind it."""

    def __init__(self, words):
        self.opens = words[-1] == "{"
        self.words = words[:-1] if self.opens else words
        self.verb = self.words[0]
        self.inside = []

    def word(self, n):
        return self.words[n] if n < len(self.words) else None

    def option(self, name):
        """The number behind the option's name; None where it is missing."""
        if name not in self.words[2:]:
            return None
        return int(self.words[self.words.index(name, 2) + 1])


def read(path):
    blocks = [[]]
    for line in open(path):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words == ["}"]:
            blocks.pop()
            continue
        node = Node(words)
        blocks[-1].append(node)
        if node.opens:
            blocks.append(node.inside)
    assert len(blocks) == 1, "a block is not closed"
    assert all(node.verb == "scenario" for node in blocks[0])
    return blocks[0]


# ---- what is different in the two ----------------------------------------------------


class Trio:
    name = "trio"
    lib = trio

    @staticmethod
    def open_group(strict):
        return trio.open_nursery(strict_exception_groups=strict)

    lowlevel = trio.lowlevel

    @staticmethod
    def run(main):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))

    @staticmethod
    def caught(scope, inner, outer):
        return scope.cancelled_caught


class AnyIO:
    name = "anyio"
    lib = anyio

    @staticmethod
    def open_group(_):
        return anyio.create_task_group()

    lowlevel = anyio.lowlevel

    @staticmethod
    def run(main):
        clock = trio.testing.MockClock(autojump_threshold=0)
        anyio.run(main, backend="trio", backend_options={"clock": clock})

    @staticmethod
    def caught(scope, inner, outer):
        """AnyIO 3 does not say it: a cancellation came in, and none went out."""
        return has(inner, trio.Cancelled) and not has(outer, trio.Cancelled)


# ---- outcomes ------------------------------------------------------------------------


def flat(error):
    """What a group of errors consists of, in the order in which it happened."""
    if error is None:
        return []
    if hasattr(error, "exceptions"):
        return [leaf for inner in error.exceptions for leaf in flat(inner)]
    return [error]


def has(error, kind):
    return any(isinstance(leaf, kind) for leaf in flat(error))


def code(error):
    """The first failure; a cancellation only when there is nothing else."""
    leaves = flat(error)
    leaf = next((leaf for leaf in leaves if not isinstance(leaf, trio.Cancelled)), None)
    if not leaves:
        return "ok"
    if leaf is None:
        return "cancelled"
    if isinstance(leaf, Failed):
        return str(leaf.args[0])
    if isinstance(leaf, (trio.TooSlowError, TimeoutError)):
        return "timeout"
    if isinstance(leaf, ValueError):
        return "invalid"
    raise error


def shape(error):
    """The failures in a group of errors, those of a group inside in parentheses."""
    if hasattr(error, "exceptions"):
        inside = [shape(inner) for inner in error.exceptions]
        inside = " ".join(text for text in inside if text)
        return inside and "(%s)" % inside
    return "" if isinstance(error, trio.Cancelled) else code(error)


class Handle:
    """Trio has no handles of tasks; these are made of what its manual says instead."""

    def __init__(self, lib):
        self.scope = lib.CancelScope()
        self.ended = lib.Event()
        self.error = None

    def cancel(self):
        self.scope.cancel()


# ---- statements ----------------------------------------------------------------------


def wants_errors(node):
    return "errors" in node.words[2:] or any(map(wants_errors, node.inside))


class Run:
    def __init__(self, peer, scenario):
        self.peer = peer
        self.scenario = scenario
        self.named = {}
        self.stacks = {}  # what is deferred
        self.strict = wants_errors(scenario)
        self.lines = []

    def now(self):
        return self.peer.lib.current_time() - self.begun

    def say(self, task, text):
        self.lines.append((round(self.now()), task, text))

    def make_scope(self, node):
        timeout, fail_after, at = map(node.option, ("timeout", "fail_after", "at"))
        if fail_after is not None:
            return self.peer.lib.fail_after(fail_after)
        if timeout is not None:
            return self.peer.lib.move_on_after(timeout)
        return self.peer.lib.CancelScope(deadline=math.inf if at is None else self.begun + at)

    async def in_scope(self, make, node, task, shield):
        inner = outer = scope = None
        try:
            with make() as scope:
                self.named[node.words[1]] = scope
                if shield:
                    scope.shield = True
                try:
                    async with self.stack(node):
                        await self.block(node.inside, task)
                except BaseException as error:
                    inner = error
                    raise
        except BaseException as error:
            outer = error
        caught = scope is not None and self.peer.caught(scope, inner, outer)
        self.say(task, "scope %s: %s%s" % (node.words[1], code(outer), " caught" * caught))
        if outer is not None:
            raise outer

    async def in_group(self, node, task):
        outer = None
        try:
            async with self.stack(node):
                if "timeout" in node.words:
                    with self.peer.lib.fail_after(node.option("timeout")):
                        await self.group_block(node, task)
                else:
                    await self.group_block(node, task)
        except BaseException as error:
            outer = error
        self.say(task, "group %s: %s" % (node.words[1], code(outer)))
        if "errors" in node.words:
            self.say(task, "errors " + ((outer and shape(outer)) or "()"))
        if outer is not None:
            raise outer

    async def group_block(self, node, task):
        async with self.peer.open_group(self.strict) as group:
            self.named[node.words[1]] = group
            await self.block(node.inside, task)

    async def task(self, node):
        await self.ends(node.words[2], node)

    async def ends(self, task, node):
        try:
            await self.block(node.inside, task)
        except BaseException as error:
            self.say(task, "ends: " + code(error))
            raise
        self.say(task, "ends: ok")

    async def held_task(self, node, handle):
        try:
            with handle.scope:
                try:
                    await self.task(node)
                except BaseException as error:
                    handle.error = error
                    raise
        finally:
            handle.ended.set()

    def spawn(self, node, task):
        group = self.named[node.words[1]]
        try:
            if node.verb == "task":
                handle = self.named[node.words[2]] = Handle(self.peer.lib)
                group.start_soon(self.held_task, node, handle)
                self.say(task, "task " + node.words[2])
            else:
                group.start_soon(self.task, node)
        except RuntimeError:
            self.say(task, "spawn %s: closed" % node.words[2])

    async def join(self, node, task):
        handle = self.named[node.words[1]]
        self.say(task, "join " + node.words[1])
        try:
            await handle.ended.wait()
        except BaseException as error:
            self.say(task, "join: " + code(error))
            raise
        self.say(task, "joined %s: %s" % (node.words[1], code(handle.error)))

    def stack(self, node):
        stack = self.stacks[node.words[1]] = contextlib.AsyncExitStack()
        return stack

    async def deferred(self, node, task):
        try:
            await self.block(node.inside, task)
        except BaseException:
            pass

    async def checkpoint(self, node, task):
        try:
            if node.verb == "check":
                await self.peer.lowlevel.checkpoint_if_cancelled()
            elif node.verb == "checkpoint":
                await self.peer.lowlevel.checkpoint()
            else:
                await self.peer.lib.sleep(int(node.word(1) or 10**9))
        except BaseException as error:
            self.say(task, "%s: %s" % (node.verb, code(error)))
            raise
        self.say(task, node.verb + ": ok")

    def effective(self, task):
        deadline = self.peer.lib.current_effective_deadline()
        text = {math.inf: "never", -math.inf: "cancelled"}.get(deadline)
        self.say(task, "deadline: " + (text or "%d" % round(deadline - self.begun)))

    def act(self, node, task):
        target = self.named[node.words[1]]
        self.say(task, "%s %s" % (node.verb, node.words[1]))
        if node.verb == "cancel":
            getattr(target, "cancel_scope", target).cancel()
        elif node.verb == "shield":
            target.shield = node.words[2] == "on"
        elif node.verb == "deadline":
            never = node.words[2] == "never"
            target.deadline = math.inf if never else self.begun + int(node.words[2])
        elif node.verb == "cancelled":
            self.say(task, "yes" if target.cancel_called else "no")
        else:
            raise SystemExit("peers: no such statement: " + node.verb)

    async def swallow(self, node, task):
        result = None
        try:
            await self.block(node.inside, task)
        except BaseException as error:
            result = error
        self.say(task, "try: " + code(result))

    async def step(self, node, task):
        if node.verb in ("sleep", "check", "checkpoint"):
            await self.checkpoint(node, task)
        elif node.verb in ("spawn", "task"):
            self.spawn(node, task)
        elif node.verb == "join":
            await self.join(node, task)
        elif node.verb == "defer":
            self.stacks[node.words[1]].push_async_callback(self.deferred, node, task)
        elif node.verb == "group":
            await self.in_group(node, task)
        elif node.verb == "fail":
            raise Failed(int(node.words[1]))
        elif node.verb == "scope":
            await self.in_scope(lambda: self.make_scope(node), node, task,
                                "shield" in node.words[2:])
        elif node.verb == "prepare":
            self.named[node.words[1]] = self.make_scope(node)
            self.named[node.words[1]].shield = "shield" in node.words[2:]
        elif node.verb == "enter":
            await self.in_scope(lambda: self.named[node.words[1]], node, task, False)
        elif node.verb == "log":
            self.say(task, node.words[1])
        elif node.verb == "try":
            await self.swallow(node, task)
        elif node.verb == "effective":
            self.effective(task)
        else:
            self.act(node, task)

    async def block(self, nodes, task):
        """Up to the first that fails; then what is to be done nevertheless."""
        try:
            for node in nodes:
                if node.verb == "finally":
                    break
                await self.step(node, task)
        finally:
            for node in nodes:
                if node.verb == "finally":
                    await self.block(node.inside, task)

    async def main(self):
        self.begun = self.peer.lib.current_time()
        try:
            await self.ends("main", self.scenario)
        except BaseException as error:
            code(error)


def outcome(peer, scenario):
    """The log; in one tick only the order within a task is promised."""
    run = Run(peer, scenario)
    peer.run(run.main)
    return ["%d %s %s" % line for line in sorted(run.lines, key=lambda line: line[:2])]


# ---- comparing -----------------------------------------------------------------------


def crew_outcomes(program, path):
    run = subprocess.run([program, path], stdout=subprocess.PIPE, text=True)
    if run.returncode != 0:
        raise SystemExit("peers: crew differs from itself, or a scenario is bad")
    outcomes = {}
    for line in run.stdout.splitlines():
        if line.startswith("== "):
            log = outcomes[line[3:]] = []
        else:
            log.append(line)
    return outcomes


def read_differences(path):
    """{(scenario, peer): the lines that differ}"""
    listed = {}
    for line in open(path):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if line.startswith("\t"):
            for entry in entries:
                listed[entry].append(line.strip())
            continue
        name, who = words[0], words[1]
        assert len(words) > 3 and who in ("trio", "anyio", "both"), line
        entries = [(name, peer) for peer in ("trio", "anyio") if who in (peer, "both")]
        for entry in entries:
            assert entry not in listed, line
            listed[entry] = []
    return listed


def difference(ours, theirs):
    lines = list(difflib.unified_diff(ours, theirs, n=0, lineterm=""))
    return [line for line in lines[2:] if not line.startswith("@@")]


def compare(program, scenarios, differences):
    crew = crew_outcomes(program, scenarios)
    listed = read_differences(differences)
    same = differ = failed = 0
    for scenario in read(scenarios):
        name = scenario.words[1]
        # AnyIO 3 has no group around a single error, and Trio 0.22 below it trips over nested ones
        for peer in (Trio,) if wants_errors(scenario) else (Trio, AnyIO):
            theirs = outcome(peer, scenario)
            expected = listed.pop((name, peer.name), None)
            found = difference(crew[name], theirs)
            if (found or None) == expected:
                same += not found
                differ += bool(found)
                continue
            failed += 1
            print("%s %s: is listed otherwise, or not at all" % (name, peer.name))
            print(*("\t" + line for line in found or ["no difference"]), sep="\n")
    for entry in listed:
        failed += 1
        print("%s %s: there is no such scenario" % entry)
    print("%d scenarios: %d times the same, %d times decided otherwise" % (len(crew), same, differ))
    print("%d passed, %d failed" % (same + differ, failed))
    return failed != 0 or not crew


if __name__ == "__main__":
    if sys.argv[1] == "versions":
        sys.exit(not (version("trio").startswith("0.22.") and version("anyio").startswith("3.")))
    sys.exit(compare(*sys.argv[1:]))
