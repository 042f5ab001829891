// The real server, `wod dev`, as a process of its own: started on free ports over a folder of its own, ended by its id.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../../..');
/** A fresh folder compiles the zone modules first, which a debug build takes its time for, ms. */
const READY_MS = 120_000;
const ASK_EVERY_MS = 100;
/** A process that was told to end and does not is killed after this time, ms. */
const GRACE_MS = 10_000;

const run = promisify(execFile);

export class Server {
  #options;
  #folder;
  #ports;
  #process;

  /** `options` are further arguments of `wod dev`; `change` makes another world file of the sample world's. */
  static async start(options = [], change = (world) => world) {
    const server = new Server();
    server.#options = options;
    server.#folder = await mkdtemp(join(tmpdir(), 'wod-browser-'));
    server.#ports = await freePorts(2);
    await writeFile(server.file('world.toml'), change(await readFile(join(ROOT, 'zones/world.toml'), 'utf8')));
    try {
      await server.begin();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Where the page is. */
  get url() {
    return `http://127.0.0.1:${this.#ports[0]}`;
  }

  /** The compiled component of a zone module. */
  static module(name) {
    return join(setting('WOD_MODULES', 'target/zones'), `${name}.wasm`);
  }

  /** A path in this server's folder, which goes when it stops. */
  file(name) {
    return join(this.#folder, name);
  }

  /** Starts the process, again on the same ports and data if there was one, and waits until it takes players. */
  async begin() {
    const [players, operators] = this.#ports;
    const log = await open(this.file('server.log'), 'a');
    this.#process = spawn(
      wod(),
      [
        'dev', '--allow-unsigned', '--listen', `127.0.0.1:${players}`, '--admin', `127.0.0.1:${operators}`, '--data', this.file('data'),
        '--world', this.file('world.toml'), '--modules', setting('WOD_MODULES', 'target/zones'),
        '--web', setting('WOD_WEB', 'gateway/web/dist'), ...this.#options,
      ],
      { stdio: ['ignore', log.fd, log.fd] },
    );
    await once(this.#process, 'spawn');
    await log.close();
    await this.#ready();
  }

  /** Ends the process without a warning, as a power failure would. */
  async kill() {
    await this.#end('SIGKILL');
  }

  /** Ends the process, and removes its folder. */
  async stop() {
    await this.#end('SIGTERM');
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Runs a `wod` command that speaks to this server's operators' port. */
  async operate(...words) {
    const { stdout } = await run(wod(), [...words, '--server', `http://127.0.0.1:${this.#ports[1]}`]);
    return stdout.trim();
  }

  /** The end of what the server printed, for people who look for the reason of a failure. */
  async log() {
    return (await readFile(this.file('server.log'), 'utf8')).slice(-4_000);
  }

  async #ready() {
    const deadline = Date.now() + READY_MS;
    while (!(await answers(`${this.url}/readyz`))) {
      if (!alive(this.#process)) throw new Error(`the server ended before it was ready:\n${await this.log()}`);
      if (Date.now() > deadline) throw new Error(`the server was not ready within ${READY_MS} ms:\n${await this.log()}`);
      await pause(ASK_EVERY_MS);
    }
  }

  async #end(signal) {
    const child = this.#process;
    if (!child || !alive(child)) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const last = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    await ended;
    clearTimeout(last);
  }
}

/** Runs `wod` without a server and answers what it printed. */
export async function tool(...words) {
  const { stdout } = await run(wod(), words);
  return stdout.trim();
}

/** The `wod` to test: WOD_BIN, or what cargo built last. */
function wod() {
  const built = ['target/debug/wod', 'target/release/wod'].map((path) => join(ROOT, path)).find((path) => existsSync(path));
  const path = process.env['WOD_BIN'] ?? built;
  if (path === undefined) throw new Error('there is no wod to test: cargo build --package wod');
  return path;
}

function setting(name, path) {
  return resolve(ROOT, process.env[name] ?? path);
}

function alive(child) {
  return child.exitCode === null && child.signalCode === null;
}

async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    // Nobody listens yet.
    return false;
  }
}

/** Ports that nobody listens on, all different: each is held until the last is known. */
async function freePorts(count) {
  const holders = [];
  for (let i = 0; i < count; i += 1) {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    holders.push(holder);
  }
  const ports = holders.map((holder) => holder.address().port);
  for (const holder of holders) {
    holder.close();
    await once(holder, 'close');
  }
  return ports;
}
