/** The page: a room is a channel below `chat/`, what was said is its history, who is here is its presence. */
import { connect } from '@halyard/emitter'

const $ = (id) => document.getElementById(id)
const DAY = 86_400
/** Lines on the page, older ones go. */
const SHOWN = 500

/** Another room: #garden behind the address. */
const room = /^#([A-Za-z\d-]{1,40})$/.exec(location.hash)?.[1] ?? 'lobby'
const channel = `chat/${room}/`
addEventListener('hashchange', () => location.reload())
$('room').textContent = room
document.title = `${room} · Halyard chat`

const name = await askName()
const { port, key } = await (await fetch('/settings.json')).json()
const emitter = connect({ host: location.hostname, port, secure: false, username: name })

/** By their ids, for a message comes once from here and once from the hub, and again after a reconnection. */
const lines = new Map()
/** Names by the ids of connections. */
const people = new Map()
let ownId

emitter.on('connect', () => {
  state('online', 'online')
  // A new connection has a new id.
  void emitter.me().then(({ id }) => {
    ownId = id
    showPeople()
  })
})
emitter.on('disconnect', () => state('offline', 'no connection: what you say waits'))
emitter.on('presence', (event) => {
  if (event.channel !== channel) return
  if (event.event === 'status') {
    people.clear()
    for (const { id, username } of event.who) people.set(id, username ?? 'somebody')
  } else if (event.event === 'subscribe') people.set(event.who.id, event.who.username ?? 'somebody')
  else people.delete(event.who.id)
  showPeople()
})

// A page that is left may be kept for the way back, and its connection with it: nobody is here any more.
addEventListener('pagehide', () => void emitter.disconnect())
addEventListener('pageshow', ({ persisted }) => persisted && location.reload())

const subscription = await emitter.subscribe({ key, channel, last: 50 })
await emitter.presence({ key, channel })

$('say').addEventListener('submit', (event) => {
  event.preventDefault()
  const text = $('text').value.trim()
  if (text === '') return
  $('text').value = ''
  void say(text)
})
for (const field of $('say').elements) field.disabled = false
$('text').focus()

for await (const message of subscription) {
  const said = read(message)
  if (said !== undefined) show(said, 'delivered')
}

/** Shown at once, marked until the hub has it: without a connection it waits in the outbox. */
async function say(text) {
  const said = { id: crypto.randomUUID(), name, text, at: Date.now() }
  const line = show(said, 'on its way')
  // Most have gone before anybody could read that they wait.
  const timer = setTimeout(() => (line.dataset.state = 'waiting'), 300)
  try {
    const receipt = await emitter.publish({ key, channel, message: said, ttl: DAY })
    if (receipt.state === 'queued') await (await emitter.outbox).settled(receipt.id)
    clearTimeout(timer)
    line.dataset.state = 'delivered'
  } catch (error) {
    clearTimeout(timer)
    line.dataset.state = 'refused'
    line.title = error.message
  }
}

/** Anybody with a key may publish anything. */
function read(message) {
  try {
    const { id, name, text, at } = message.asObject()
    const isSound = [id, name, text].every((part) => typeof part === 'string') && Number.isFinite(at)
    return isSound ? { id: id.slice(0, 40), name: name.slice(0, 40), text: text.slice(0, 2000), at } : undefined
  } catch {
    return undefined
  }
}

function show({ id, name: author, text, at }, state) {
  const known = lines.get(id)
  if (known !== undefined) return known
  const line = document.createElement('li')
  line.dataset.state = state
  line.dataset.at = at
  line.classList.toggle('own', author === name)
  const time = part('time', new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }))
  time.dateTime = new Date(at).toISOString()
  const bubble = part('div', '')
  bubble.append(part('b', author), time, part('p', text))
  line.append(face(author), bubble)
  lines.set(id, line)
  $('empty').hidden = true
  const list = $('messages')
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80
  list.append(line)
  // Of several in a row by one author, the first says who.
  line.classList.toggle('more', line.previousElementSibling?.querySelector('b').textContent === author)
  while (list.childElementCount > SHOWN) list.firstElementChild.remove()
  while (lines.size > SHOWN) lines.delete(lines.keys().next().value)
  if (isAtEnd || author === name) list.scrollTop = list.scrollHeight
  return line
}

function showPeople() {
  const all = [...people].sort(([, a], [, b]) => a.localeCompare(b))
  $('count').textContent = String(all.length)
  $('people').replaceChildren(
    ...all.map(([id, who]) => {
      const item = document.createElement('li')
      item.append(face(who), part('span', who))
      if (id === ownId) item.append(part('small', 'you'))
      return item
    }),
  )
}

/** A letter on a colour that is the name's own. */
function face(who) {
  const found = part('i', [...who][0]?.toUpperCase() ?? '?')
  let hue = 0
  for (const letter of who) hue = (hue * 31 + letter.codePointAt(0)) % 360
  found.style.setProperty('--hue', hue)
  found.setAttribute('aria-hidden', 'true')
  return found
}

/** Text is never markup. */
function part(tag, text) {
  const made = document.createElement(tag)
  made.textContent = text
  return made
}

function state(word, text) {
  $('state').dataset.state = word
  document.body.dataset.state = word
  $('state').textContent = text
}

async function askName() {
  const known = sessionStorage.getItem('name')
  if (known !== null) return known
  const dialog = $('join')
  dialog.showModal()
  dialog.addEventListener('cancel', (event) => event.preventDefault())
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }))
  const given = $('name').value.trim() || 'somebody'
  sessionStorage.setItem('name', given)
  return given
}
