// Makes dist of src: build.mjs [--check]. With --check nothing is written; it fails when
// dist is not what src makes, or the script is too large.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const MOST = 4095 // bytes of the script after gzip -9
const check = process.argv.includes('--check')
process.chdir(fileURLToPath(new URL('.', import.meta.url)))

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
rmSync('.build', { recursive: true, force: true })
execFileSync(process.execPath, [tsc, '-p', '.'], { stdio: 'inherit' })

const { outputFiles: [script] } = await build({
  entryPoints: ['src/icsws.ts'], bundle: true, minify: true, format: 'esm', target: ['chrome91', 'firefox90', 'safari15'],
  charset: 'utf8', banner: { js: '// icsws, MIT license' }, write: false,
})

// The types in one file: the parts without what they import from each other.
const types = ['backoff', 'queue', 'socket', 'icsws'].map((name) => readFileSync(`.build/${name}.d.ts`, 'utf8')
  .replace(/^(import|export) .* from '.*';\n/gm, '').replace(/^\/\/ .*\n+/, '').replace('export {};\n', '')).join('')
rmSync('.build', { recursive: true })

mkdirSync('dist', { recursive: true })
for (const [path, text] of [['dist/icsws.js', script.text], ['dist/icsws.d.ts', types]]) {
  if (!check) writeFileSync(path, text)
  else if (readFileSync(path, 'utf8') !== text) fail(`${path} is not what src makes: npm run build`)
}
// Nothing but the two is needed to use them.
for (const project of ['test', 'test/bare']) execFileSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' })

const size = gzipSync(script.text, { level: 9 }).length
console.log(`icsws.js: ${script.text.length} bytes, ${size} after gzip`)
if (size > MOST) fail(`that is more than ${MOST}`)

function fail(text) {
  console.error(text)
  process.exitCode = 1
}
