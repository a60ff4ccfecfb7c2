// One of many processes that want the same directory at the same time: takes it, looks whether anybody else has it, lets
// it go or is killed with it in its hands.
//
//   node contender.mjs DIRECTORY MARK SEED TIMES
//
// Says `ready`, waits for its standard input to end, then says `had it` for each time, and `two owners` if ever.
import { readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { SegmentLog } from '@halyard/core/node'
import { seededRandom } from '@halyard/testkit'

const [path = '', mark = '', seed = '', times = ''] = process.argv.slice(2)
const random = seededRandom(Number(seed))
const say = (/** @type {string} */ line) => void writeSync(1, `${line}\n`)

say('ready')
// Until all are there.
for await (const _ of process.stdin);

for (let had = 0; had < Number(times); had++) {
  const log = await take()
  if (livingOwner() !== undefined) say(`two owners: ${process.pid} and ${livingOwner()}`)
  writeFileSync(mark, String(process.pid))
  for (let turn = random.integer(20); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve))
  if (livingOwner() !== process.pid) say(`two owners: ${process.pid} and ${livingOwner()}`)
  say('had it')
  if (random.chance(0.2)) process.kill(process.pid, 'SIGKILL')
  rmSync(mark)
  await log.close()
}

async function take() {
  for (;;) {
    try {
      return await SegmentLog.open({ path, kind: 'LOCK' })
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code !== 'ERR_STORE_LOCKED') throw error
      await new Promise((resolve) => setTimeout(resolve, random.integer(5)))
    }
  }
}

function livingOwner() {
  try {
    const pid = Number(readFileSync(mark, 'utf8'))
    process.kill(pid, 0)
    // One that was killed stays a process until its parent has taken notice.
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1')) ? undefined : pid
  } catch {
    return undefined
  }
}
