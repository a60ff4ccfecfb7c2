import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { files, read, root } from './files.mjs'

/** Pages that a reader of this kind of project looks for. */
const EXPECTED = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/errors.md']

/** Every relative link of every page leads to a file, and to a heading if it names one. */
export function checkLinks() {
  const problems = EXPECTED.filter((page) => !existsSync(join(root, page))).map((page) => `${page} is not there`)
  let count = 0
  for (const page of files(/\.md$/)) {
    for (const [, target] of withoutCode(read(page)).matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)) {
      if (/^[a-z][a-z+.-]*:/i.test(target)) continue
      count++
      const [path, anchor] = target.split('#')
      const file = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)))
      if (!existsSync(join(root, file))) problems.push(`${page}: ${target} leads nowhere`)
      else if (anchor && file.endsWith('.md') && !anchorsOf(file).has(anchor))
        problems.push(`${page}: ${target} names no heading`)
    }
  }
  return { done: `links: ${count}`, problems }
}

/** Whatever ARCHITECTURE.md names in code that looks like a path of ours is there. */
export function checkPaths() {
  const page = 'ARCHITECTURE.md'
  const text = existsSync(join(root, page)) ? read(page) : ''
  const paths = [
    ...text.matchAll(/`((?:packages|scripts|docs|bench|proofs|examples|test|contract|vectors)\/[^`\s{}*<>…]*)`/g),
  ]
  const problems = paths.map(([, path]) => path).filter((path) => !existsSync(join(root, path)))
  return {
    done: `paths in ${page}: ${paths.length}`,
    problems: problems.map((path) => `${page}: ${path} is not there`),
  }
}

function withoutCode(text) {
  return text.replaceAll(/^( *)(```+|~~~+)[\s\S]*?^\1\2/gm, '').replaceAll(/`[^`\n]*`/g, '')
}

/** Headings as GitHub names them. */
function anchorsOf(file) {
  const text = read(file).replaceAll(/^( *)(```+|~~~+)[\s\S]*?^\1\2/gm, '')
  const slugs = new Set()
  for (const [, heading] of text.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = plain.replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
    let unique = slug
    for (let i = 1; slugs.has(unique); i++) unique = `${slug}-${i}`
    slugs.add(unique)
  }
  return slugs
}
