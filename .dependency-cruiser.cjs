/**
 * Who may import whom (ARCHITECTURE.md). One rule for each sentence, and test/layers.test.ts breaks each of them once.
 *
 * Paths are those of sources: workspace packages are resolved through the export condition `@halyard/source`, `#storage`
 * through core's import map. Type-only imports count everywhere, unless a rule says otherwise.
 */
'use strict'

const CLIENTS = 'hologram|emitter|ttn|exp|network|mqtt'
/** The rooms of the hub that speak a protocol. */
const SERVICES = 'hologram|emitter|ttn|exp|mqtt|console'
const DOORS = [
  '^packages/[^/]+/src/index[.]ts$',
  '^packages/[^/]+/src/[^/]+/index[.]ts$',
  // @halyard/mqtt/engine
  '^packages/mqtt/src/engine[.]ts$',
  // @halyard/hub/mqtt
  '^packages/hub/src/mqtt-server[.]ts$',
]

/** What a client may import of the house besides itself and core. */
function client(name, allowed, comment) {
  return {
    name: `client-${name}`,
    comment,
    severity: 'error',
    from: { path: `^packages/${name}/src/` },
    to: {
      path: '^packages/',
      pathNot: [`^packages/(${name}|core)/src/`, '^packages/wire/src/index[.]ts$', ...allowed],
    },
  }
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'wire-stands-alone',
      comment: 'wire imports nothing: no package, no node: module, no dependency.',
      severity: 'error',
      from: { path: '^packages/wire/src/' },
      to: { pathNot: '^packages/wire/src/' },
    },
    {
      name: 'wire-services-apart',
      comment: 'Inside wire a service imports its own folder and the files at the root, not another service.',
      severity: 'error',
      from: { path: '^packages/wire/src/(hologram|exp|mqtt|at)/' },
      to: { path: '^packages/wire/src/[^/]+/', pathNot: '^packages/wire/src/$1/' },
    },
    {
      name: 'wire-mqtt-services-apart',
      comment: 'Inside wire emitter and ttn import mqtt too, and no other service.',
      severity: 'error',
      from: { path: '^packages/wire/src/(emitter|ttn)/' },
      to: { path: '^packages/wire/src/[^/]+/', pathNot: '^packages/wire/src/($1|mqtt)/' },
    },
    {
      name: 'wire-root-below-services',
      comment: "wire's root files (bytes, errors) lie below the services and know none of them.",
      severity: 'error',
      from: { path: '^packages/wire/src/[^/]+[.]ts$' },
      to: { path: '^packages/wire/src/[^/]+/' },
    },
    {
      name: 'core-imports-wire-root-at-most',
      comment: "core imports wire's root at most.",
      severity: 'error',
      from: { path: '^packages/core/src/' },
      to: { path: '^packages/', pathNot: ['^packages/core/src/', '^packages/wire/src/index[.]ts$'] },
    },
    {
      name: 'core-node-alone-imports-node',
      comment: 'core/src/node alone imports node: modules and dependencies; the rest of core runs in browsers.',
      severity: 'error',
      from: { path: '^packages/core/src/', pathNot: '^packages/core/src/node/' },
      to: { pathNot: '^packages/' },
    },
    {
      name: 'core-node-through-storage-only',
      comment: 'The rest of core reaches core/src/node through #storage, which is another file in a browser.',
      severity: 'error',
      from: { path: '^packages/core/src/', pathNot: '^packages/core/src/node/' },
      to: { path: '^packages/core/src/node/', dependencyTypesNot: ['aliased-subpath-import'] },
    },
    client(
      'hologram',
      ['^packages/wire/src/hologram/', '^packages/network/src/'],
      'hologram imports core and wire/hologram.',
    ),
    {
      name: 'hologram-loads-network-lazily',
      comment: 'network is an optional peer of hologram: one dynamic import.',
      severity: 'error',
      from: { path: '^packages/hologram/src/' },
      to: { path: '^packages/network/', dependencyTypesNot: ['dynamic-import'] },
    },
    client(
      'emitter',
      ['^packages/wire/src/emitter/', '^packages/mqtt/src/'],
      'emitter imports core, wire/emitter and mqtt.',
    ),
    {
      name: 'emitter-runs-in-browsers',
      comment: 'emitter imports no node: module and no dependency: mqtt has the sockets.',
      severity: 'error',
      from: { path: '^packages/emitter/src/' },
      to: { pathNot: '^packages/' },
    },
    {
      name: 'emitter-loads-lazily',
      comment:
        'What an import of emitter loads knows neither the MQTT engine nor the codec: client.ts comes with connect().',
      severity: 'error',
      from: { path: '^packages/emitter/src/(index|emitter|settings|message|errors|types)[.]ts$' },
      to: {
        path: ['^packages/(mqtt|wire)/', '^packages/emitter/src/client[.]ts$'],
        dependencyTypesNot: ['type-only', 'dynamic-import'],
      },
    },
    client('ttn', ['^packages/wire/src/ttn/', '^packages/mqtt/src/'], 'ttn imports core, wire/ttn and mqtt.'),
    client('exp', ['^packages/wire/src/exp/'], 'exp imports core and wire/exp.'),
    client('mqtt', ['^packages/wire/src/mqtt/'], 'The MQTT client imports core and wire/mqtt.'),
    {
      name: 'mqtt-node-alone-imports-node',
      comment: 'mqtt/src/node alone imports node: modules, and ws as its one dependency; the rest runs in browsers.',
      severity: 'error',
      from: { path: '^packages/mqtt/src/', pathNot: '^packages/mqtt/src/node/' },
      to: { pathNot: '^packages/' },
    },
    {
      name: 'mqtt-node-imports-ws-at-most',
      comment: 'Of what is installed mqtt/src/node imports ws.',
      severity: 'error',
      from: { path: '^packages/mqtt/src/node/' },
      to: { path: '(^|/)node_modules/', pathNot: '(^|/)node_modules/(ws|@types/(ws|node))/' },
    },
    {
      name: 'mqtt-node-through-dial-only',
      comment: 'The rest of mqtt reaches mqtt/src/node through #dial, which is another file in a browser.',
      severity: 'error',
      from: { path: '^packages/mqtt/src/', pathNot: '^packages/mqtt/src/node/' },
      to: { path: '^packages/mqtt/src/node/', dependencyTypesNot: ['aliased-subpath-import'] },
    },
    {
      name: 'mqtt-loads-tls-and-ws-lazily',
      comment: 'TCP is there at once; TLS and ws cost milliseconds and come with the first address that needs them.',
      severity: 'error',
      from: { path: '^packages/mqtt/src/node/', pathNot: '^packages/mqtt/src/node/(tls|websocket)[.]ts$' },
      to: {
        path: [
          '^(node:)?(tls|https?)$',
          '(^|/)node_modules/(@types/)?ws/',
          '^packages/mqtt/src/node/(tls|websocket)[.]ts$',
        ],
        dependencyTypesNot: ['dynamic-import', 'type-only'],
      },
    },
    client(
      'network',
      ['^packages/wire/src/at/', '^packages/hologram/src/index[.]ts$'],
      'network imports core and wire/at; hologram owns the interfaces it implements.',
    ),
    {
      name: 'network-takes-types-of-hologram',
      comment: 'network implements interfaces which hologram owns: their types, not its code.',
      severity: 'error',
      from: { path: '^packages/network/src/' },
      to: { path: '^packages/hologram/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-client-imports-the-hub',
      comment: 'No client, and nothing below one, imports the hub or the command line.',
      severity: 'error',
      from: { path: `^packages/(wire|core|${CLIENTS})/`, pathNot: '/test/' },
      to: { path: '^packages/(hub|cli)/' },
    },
    {
      name: 'hub-domain-alone',
      comment: 'hub/src/domain imports itself only: no I/O, no protocol, no dependency.',
      severity: 'error',
      from: { path: '^packages/hub/src/domain/' },
      to: { pathNot: '^packages/hub/src/domain/' },
    },
    {
      name: 'hub-services-apart',
      comment:
        'A service of the hub imports domain, its folder of wire, core and the types of ports; never another service.',
      severity: 'error',
      from: { path: `^packages/hub/src/(${SERVICES})/` },
      to: {
        path: '^packages/',
        pathNot: [
          '^packages/hub/src/($1|domain|store|listen)/',
          '^packages/hub/src/mqtt/dialect[.]ts$',
          '^packages/core/src/',
          '^packages/wire/src/($1/|index[.]ts$)',
        ],
      },
    },
    {
      name: 'hub-rest-on-domain',
      comment: 'The HTTP API stands on domain and core, fastify and valibot: no store, no listener, no service.',
      severity: 'error',
      from: { path: '^packages/hub/src/rest/' },
      to: {
        path: ['^packages/', '(^|/)node_modules/'],
        pathNot: [
          '^packages/hub/src/(rest|domain)/',
          '^packages/core/src/',
          '(^|/)node_modules/(fastify|valibot|@types/node)/',
        ],
      },
    },
    {
      name: 'hub-dialect-is-types',
      comment: 'Of the MQTT engine the other services take the types of the dialect port, no code.',
      severity: 'error',
      from: { path: '^packages/hub/src/(hologram|emitter|ttn|exp|console)/' },
      to: { path: '^packages/hub/src/mqtt/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'hub-adapters-from-roots-only',
      comment:
        'Stores and listeners are adapters: hub.ts puts them in, mqtt-server.ts, which is the MQTT engine alone, admin.ts and backup.ts, which change or copy the directory of a hub, and vitals.ts, which looks how its disk is; everybody else sees ports.',
      severity: 'error',
      from: {
        path: '^packages/hub/src/',
        pathNot: '^packages/hub/src/((hub|admin|backup|vitals|mqtt-server)[.]ts$|(store|listen)/)',
      },
      to: { path: '^packages/hub/src/(store|listen)/' },
    },
    {
      name: 'hub-admin-does-not-listen',
      comment: 'Who changes a directory opens its store and nothing else: no listener, no service, no hub.',
      severity: 'error',
      from: { path: '^packages/hub/src/admin([.]ts$|/)' },
      to: { path: `^packages/hub/src/(listen/|rest/|(${SERVICES})/|hub[.]ts$)` },
    },
    {
      name: 'hub-adapters-apart',
      comment: 'An adapter knows no other adapter and no service: it implements a port.',
      severity: 'error',
      from: { path: '^packages/hub/src/(store|listen)/' },
      to: { path: `^packages/hub/src/(store|listen|${SERVICES})/`, pathNot: '^packages/hub/src/$1/' },
    },
    {
      name: 'hub-imports-no-client',
      comment:
        'The hub answers clients; it is built of wire and core, never of a client, the testkit or the command line.',
      severity: 'error',
      from: { path: '^packages/hub/src/' },
      to: { path: `^packages/(${CLIENTS}|testkit|cli)/` },
    },
    {
      name: 'cli-loads-lazily',
      comment: 'What a command does not need it does not load: hub, testkit and network by dynamic import only.',
      severity: 'error',
      from: { path: '^packages/cli/src/' },
      to: { path: '^packages/(hub|testkit|network)/', dependencyTypesNot: ['dynamic-import', 'type-only'] },
    },
    {
      name: 'cli-loads-heavy-modules-lazily',
      comment: 'Dependencies that cost milliseconds at import come when they are needed.',
      severity: 'error',
      from: { path: '^packages/cli/src/' },
      to: {
        path: '(^|/)node_modules/(serialport|@serialport|@clack|pino|pino-pretty|fastify|socket[.]io|socket[.]io-client)/',
        dependencyTypesNot: ['dynamic-import', 'type-only'],
      },
    },
    {
      name: 'testkit-below-the-products',
      comment: 'testkit imports core and wire, and of the hub the types of its ports.',
      severity: 'error',
      from: { path: '^packages/testkit/src/' },
      to: { path: '^packages/', pathNot: '^packages/(testkit|core|wire|hub)/src/' },
    },
    {
      name: 'testkit-takes-types-of-hub',
      comment: 'Of the hub the testkit knows the types of the ports, no code.',
      severity: 'error',
      from: { path: '^packages/testkit/src/' },
      to: { path: '^packages/hub/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-deep-imports',
      comment: 'One door per package: what its exports name, by its name.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/[^/]+/(src|dist|test)/', pathNot: ['^packages/$1/', ...DOORS] },
    },
    {
      name: 'no-relative-imports-across-packages',
      comment: 'Another package is imported by its name, never by a path.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/', pathNot: '^packages/$1/', dependencyTypesNot: ['aliased-workspace'] },
    },
    {
      name: 'no-deep-imports-from-outside',
      comment: 'Examples, benchmarks, proofs and scripts use packages as a user does.',
      severity: 'error',
      from: { path: '^(examples|bench|proofs|scripts|test)/' },
      to: { path: '^packages/[^/]+/(src|dist|test)/', pathNot: DOORS },
    },
    {
      name: 'no-import-of-own-index',
      comment: 'index.ts is the door for others; a module imports what it needs from where it is.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/' },
      to: { path: '^packages/$1/src/index[.]ts$' },
    },
    {
      name: 'no-import-of-own-folder-index',
      comment: 'The same for the door of a folder.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/([^/]+)/' },
      to: { path: '^packages/$1/src/$2/index[.]ts$' },
    },
    {
      name: 'no-cycles',
      comment: 'Cycles are errors, type-only ones too.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-sources-from-tests',
      comment: 'What is shipped does not import what is not.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { path: '(^|/)(test|bench|proofs|examples|scripts|contract)/', pathNot: 'node_modules' },
    },
    {
      name: 'no-unresolvable',
      // The commands' doors lead to what is built after this check; the packages check starts each of them.
      comment: 'An import must lead somewhere.',
      severity: 'error',
      from: { pathNot: '^packages/cli/bin/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['(^|/)(coverage|[.]cache)/'] },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    moduleSystems: ['es6'],
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@halyard/source', 'node', 'import', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.json', '.d.ts'],
    },
    skipAnalysisNotInRules: true,
  },
}
