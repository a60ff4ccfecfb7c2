import { halyard, mqttjs, paho, feeder, startServer, cpuOf } from "/work/trees/mqtt-client-bench/bench/mqtt-client/programs.ts"
const which = (process.argv[2] ?? 'halyard,mqttjs').split(',')
const only = process.argv[3]?.split(',')
const rounds = Number(process.argv[4] ?? 3)
const server = await startServer()
const progs: any = { halyard, mqttjs, paho }
const cases = [
 ['pub0-100', 'publish', {qos:0,bytes:100}],['pub1-100','publish',{qos:1,bytes:100}],['pub0-1k','publish',{qos:0,bytes:1024}],['pub1-1k','publish',{qos:1,bytes:1024}],
 ['rec0-100','receive',{qos:0,bytes:100}],['rec1-100','receive',{qos:1,bytes:100}],['rec0-1k','receive',{qos:0,bytes:1024}],['rec1-1k','receive',{qos:1,bytes:1024}],
 ['cb0-100','receive',{qos:0,bytes:100,how:'callback'}],['cb1-100','receive',{qos:1,bytes:100,how:'callback'}],
 ['drain-mem','drain',{bytes:100}],['drain-disk','drain',{bytes:100,path:true}],
] as const
for (const [name, turn, words] of cases) {
  if (only && !only.some((o) => name.startsWith(o))) continue
  for (const w of which) {
    if (w !== 'halyard' && (name.startsWith('cb') || name === 'drain-disk')) continue
    const p = progs[w]()
    const f = feeder()
    await p.turn('open', { port: server.port }); await f.turn('open', { port: server.port })
    const count = turn === 'drain' ? 100000 : w === 'halyard' ? 300000 : 60000
    const n = words.bytes > 100 ? count / 3 : count
    const res: any[] = []
    if (turn === 'receive') await p.turn('listen', words)
    for (let r = 0; r <= rounds; r++) {
      const s0 = cpuOf(server.pid)
      let t: any
      if (turn === 'publish') t = await p.turn(turn, { ...words, count: n, inFlight: 1000 })
      else if (turn === 'receive') { await p.turn('receive', { count: n }); const fed = f.turn('feed', { ...words, count: n }); t = await p.answer(); await fed }
      else t = await p.turn('drain', { ...words, port: server.port, count: n, path: (words as any).path ? `/work/trees/mqtt-client-bench/bench/.drain-${process.pid}-${r}` : undefined })
      if (r > 0) res.push({ rate: n / t.seconds, us: t.cpu * 1e6 / n, srv: (cpuOf(server.pid) - s0) / t.seconds })
    }
    res.sort((a, b) => a.us - b.us)
    const m = res[res.length >> 1]
    console.log(name.padEnd(10), w.padEnd(8), 'rate', Math.round(m.rate).toString().padStart(8), 'cpu us/msg', m.us.toFixed(2), 'server share', m.srv.toFixed(2))
    await p.end(); await f.end()
  }
}
await server.stop(); process.exit(0)
