"""Runs the tests of one file and counts them.

`run.py <module>` ends with `<module> (<personality>): N passed, N failed`; the exit code is 1 if any failed.
"""

import os
import sys
import unittest


class Counting(unittest.TextTestResult):
    """Counts what passed, which the standard result does not."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


suite = unittest.defaultTestLoader.loadTestsFromName(sys.argv[1])
result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Counting).run(suite)
failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
suite_name = f"{sys.argv[1]} ({os.environ['B24_PERSONALITY']})"
print(f"{suite_name}: {result.passed} passed, {failed} failed", flush=True)
sys.exit(0 if result.wasSuccessful() and result.passed else 1)
