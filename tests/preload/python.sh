#!/bin/bash
# python3: garbage collection, threads and JSON, in a script and in python's own tests, which some
# distributions leave out.
. "$top_srcdir/tests/preload/common.sh" || exit
needs python3

# python3 may be a shell script that looks for the real one
python=$(python3 -c 'import sys; print(sys.executable)')

# All objects from malloc, not from the pool that python keeps for small ones
export PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1

cat >suites.py <<'PYTHON'
import contextlib, io, sys, unittest
from test import support

support.verbose = False
suites = unittest.defaultTestLoader.loadTestsFromNames("test." + name for name in sys.argv[1:])
result = unittest.TestResult()
with contextlib.redirect_stdout(io.StringIO()):
    suites.run(result)
print(result.testsRun, "tests")
for outcome in "failures", "errors", "skipped":
    for test, _ in getattr(result, outcome):
        print(outcome, test.id())
PYTHON

cat >script.py <<'PYTHON'
import gc, json, threading

class Node:
    def __init__(self, value):
        self.value, self.other = value, None

# Cycles, which only the collector can free
gc.disable()
for value in range(20000):
    a, b = Node(value), Node([value] * (value % 50))
    a.other, b.other = b, a
print("collected", gc.collect() >= 40000, len(gc.garbage))
gc.enable()

# Each thread builds a document, and the next one takes it apart
documents = [None] * 8

def build(i):
    documents[i] = {f"key {n}": [n, str(n) * (n % 20), {"nested": [n / 7] * (n % 9)}]
                    for n in range(3000 * (i + 1))}

def check(i):
    text = json.dumps(documents[i - 1], sort_keys=True)
    assert json.loads(text) == documents[i - 1]
    documents[i - 1] = len(text)

for work in build, check:
    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(documents))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("documents", documents)
PYTHON

takes_effect "$python" -c 'import threading, json'
same 'garbage, threads and JSON in a script' "$python" ../script.py
for suite in test_gc test_threading test_json; do
  if "$python" -c "import test.$suite" 2>/dev/null; then
    same "its own $suite" "$python" ../suites.py $suite
  else
    skip "its own $suite" 'not installed'
  fi
done
finish
