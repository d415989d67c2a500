// Runs the tests and counts them: the last line is `<file> (<personality>): N passed, N failed`, the exit code is 1 if
// any failed.

import { run } from 'node:test'
import { spec } from 'node:test/reporters'

const files = process.argv.slice(2)
let passed = 0
let failed = 0

const events = run({ files, concurrency: 1 })
events.on('test:pass', ({ details }) => {
  if (details.type !== 'suite') passed += 1
})
events.on('test:fail', ({ details }) => {
  if (details.type !== 'suite') failed += 1
})
events.compose(spec).on('end', () => {
  console.log(`${files.join(' ')} (${process.env.B24_PERSONALITY}): ${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1
}).pipe(process.stdout)
