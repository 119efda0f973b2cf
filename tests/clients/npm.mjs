// Calls every method of the published npm client of wasmstore 0.3 against a server.
//
// Usage: npm.mjs URL URL_WITH_KEYS, where the second server has the keys `reader:GET` and `writer:*`, and both have empty stores.
// The script is copied to the directory where the client is installed: Node looks for modules next to the file that imports them.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const { fetch } = globalThis;
const { Client: Published, request } = await import("@dylibso/wasmstore");
const { default: nodeFetch } = await import("node-fetch");

const called = new Set();

// Returns the unmodified client, which records the names of the methods called.
function Client(...args) {
  const record = (client, name, receiver) => {
    called.add(name);
    return Reflect.get(client, name, receiver);
  };
  return new Proxy(new Published(...args), { get: record });
}

// Returns the module `n`: a custom section whose name depends on `n`.
function module(n) {
  return Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, 2, 1, 97 + n]);
}

// Returns the id of a git blob.
function hash(data) {
  return createHash("sha1").update(`blob ${data.length}\0`).update(data).digest("hex");
}

async function bytes(client, path) {
  return Buffer.from(await (await client.find(path)).arrayBuffer());
}

async function modules(client) {
  const [one, two] = [module(1), module(2)];
  assert.deepEqual(await client.list(), {});
  assert.equal(await client.find("a.wasm"), null);
  assert.equal(await client.hash("a.wasm"), null);
  assert.equal(await client.contains("a.wasm"), false);

  assert.equal(await client.add("a.wasm", one), hash(one));
  assert.equal(await client.add(["lib", "b.wasm"], two), hash(two));
  assert.deepEqual(await bytes(client, "a.wasm"), one);
  assert.deepEqual(await bytes(client, hash(two)), two);
  const found = await client.find("a.wasm");
  assert.equal(found.headers.get("wasmstore-hash"), hash(one));
  assert.equal(found.headers.get("content-type"), "application/wasm");
  assert.equal(await client.hash(["lib", "b.wasm"]), hash(two));
  assert.equal(await client.hash(hash(one)), hash(one));
  assert.equal(await client.contains("lib/b.wasm"), true);
  assert.equal(await client.contains(hash(one)), true);

  // The client returns the error text as if it were a hash. The store has rejected the module.
  assert.match(await client.add("bad.wasm", "not WebAssembly"), /magic/);
  assert.equal(await client.contains("bad.wasm"), false);

  assert.equal(await client.set("c.wasm", hash(one)), true);
  assert.equal(await client.set("d.wasm", "0".repeat(40)), false);
  const expected = { "/a.wasm": hash(one), "/c.wasm": hash(one), "/lib/b.wasm": hash(two) };
  assert.deepEqual(await client.list(), expected);
  assert.deepEqual(Object.keys(await client.list()), Object.keys(expected));
  assert.deepEqual(await client.list("lib"), { "/lib/b.wasm": hash(two) });
  assert.deepEqual(await client.list("none"), {});

  assert.equal(await client.delete("/lib/b.wasm"), true);
  assert.equal(await client.delete(hash(one)), true);
  assert.equal(await client.delete("/lib/b.wasm"), false);
  assert.deepEqual(await client.list(), {});
  const response = await request("GET", `${client.url}/branch`);
  assert.equal(await response.text(), "main");
}

async function names(client) {
  const forms = ["/n/a.wasm", "n/a.wasm", "//n/a.wasm", ["n", "a.wasm"], ["n/a.wasm"]];
  for (const [n, path] of forms.entries()) {
    assert.equal(await client.add(path, module(n)), hash(module(n)));
    assert.deepEqual(await bytes(client, path), module(n));
    assert.deepEqual(await client.list("/n/"), { "/n/a.wasm": hash(module(n)) });
  }
  await client.add("n/ä b.wasm", module(9));
  assert.deepEqual(await bytes(client, ["n", "ä b.wasm"]), module(9));
  assert.ok("/n/ä b.wasm" in (await client.list("n")));
  assert.equal(await client.delete("n/ä b.wasm"), true);
  assert.equal(await client.delete("n/a.wasm"), true);
}

async function instantiation(client) {
  await client.add("i.wasm", module(1));
  // A bug of the client: it loads node-fetch in Node, whose responses WebAssembly does not accept.
  assert.equal(globalThis.fetch, nodeFetch);
  await assert.rejects(client.instantiate("i.wasm"), TypeError);
  globalThis.fetch = fetch;
  try {
    const { module, instance } = await client.instantiate("i.wasm");
    assert.equal(WebAssembly.Module.customSections(module, "b").length, 1);
    assert.deepEqual(Object.keys(instance.exports), []);
  } finally {
    globalThis.fetch = nodeFetch;
  }
  await client.delete("i.wasm");
}

async function history(client) {
  const commits = [];
  for (const n of [1, 2, 3]) {
    await client.add("h/a.wasm", module(n));
    commits.push(await client.snapshot());
  }
  const versions = commits.map((commit, n) => [hash(module(n + 1)), commit]);
  assert.deepEqual(await client.versions("h/a.wasm"), versions);
  assert.deepEqual(await client.versions("none"), []);

  const { date, ...info } = await client.commitInfo(commits[2]);
  const expected = { hash: commits[2], parents: [commits[1]], author: "wasmstore", message: "Import /h/a.wasm" };
  assert.deepEqual(info, expected);
  assert.ok(Number.isInteger(date) && date > 1_700_000_000, date);

  assert.equal(await client.rollback("h/a.wasm"), true);
  assert.deepEqual(await bytes(client, "h/a.wasm"), module(2));
  assert.equal(await client.rollback(), true);
  assert.deepEqual(await bytes(client, "h/a.wasm"), module(1));
  assert.equal(await client.rollback("none"), false);

  await client.add("h/other.wasm", module(4));
  assert.equal(await client.restore(commits[0], ["h", "a.wasm"]), true);
  assert.deepEqual(await bytes(client, "h/a.wasm"), module(1));
  assert.deepEqual(await bytes(client, "h/other.wasm"), module(4));
  assert.equal(await client.restore(commits[1]), true);
  assert.deepEqual(await bytes(client, "h/a.wasm"), module(2));
  assert.equal(await client.find("h/other.wasm"), null);
  assert.equal(await client.restore("0".repeat(40)), false);
  assert.deepEqual(await client.versions("h/a.wasm"), versions);
}

async function branches(client, branchClient) {
  const before = await client.list();
  assert.equal(await client.createBranch("feature/x"), true);
  assert.equal(await client.createBranch("feature/x"), false);
  assert.deepEqual(await client.branches(), ["feature/x", "main"]);
  await branchClient.add("b/only-there.wasm", module(5));
  assert.deepEqual(await branchClient.list("b"), { "/b/only-there.wasm": hash(module(5)) });
  assert.deepEqual(await client.list(), before);
  assert.notEqual(await branchClient.snapshot(), await client.snapshot());
  assert.equal(await client.deleteBranch("main"), false);
  assert.equal(await client.deleteBranch("feature/x"), true);
  assert.equal(await client.deleteBranch("feature/x"), false);
  assert.deepEqual(await client.branches(), ["main"]);
  // An unknown branch is not created.
  assert.notEqual(await branchClient.add("b/c.wasm", module(5)), hash(module(5)));
}

async function collection(client) {
  const before = await client.list();
  assert.equal(await client.gc(), true);
  assert.deepEqual(await client.list(), before);
  const { parents } = await client.commitInfo(await client.snapshot());
  assert.deepEqual(parents, []);
}

async function watching(client) {
  const response = await client.request("GET", "/watch");
  if (response.status === 404) {
    console.log("SKIPPED npm watch: the server has no /watch");
    called.add("watch");
    return 0;
  }
  const messages = [];
  const socket = client.watch((message) => messages.push(message));
  await new Promise((opened, failed) => {
    socket.addEventListener("open", opened);
    socket.addEventListener("error", failed);
  });
  await client.add("w.wasm", module(1));
  await client.add("w.wasm", module(2));
  await client.delete("w.wasm");
  for (let ms = 0; messages.length < 3 && ms < 10_000; ms += 20) {
    await sleep(20);
  }
  socket.close();
  assert.deepEqual(messages, [
    { "/w.wasm": { action: "added", hash: hash(module(1)) } },
    { "/w.wasm": { action: "updated", hash: { old: hash(module(1)), new: hash(module(2)) } } },
    { "/w.wasm": { action: "removed", hash: hash(module(2)) } },
  ]);
  return 1;
}

async function keys(url) {
  for (const key of [null, "wrong"]) {
    const refused = Client(url, null, key);
    assert.equal((await refused.find("a.wasm")).status, 401);
    assert.equal(await refused.contains("a.wasm"), false);
    assert.notEqual(await refused.add("a.wasm", module(1)), hash(module(1)));
  }
  const [reader, writer] = [Client(url, null, "reader"), Client(url, null, "writer")];
  assert.notEqual(await reader.add("a.wasm", module(1)), hash(module(1)));
  assert.deepEqual(await reader.list(), {});
  assert.equal(await writer.add("a.wasm", module(1)), hash(module(1)));
  assert.deepEqual(await bytes(reader, "a.wasm"), module(1));
  assert.equal(await reader.contains("a.wasm"), true);
  assert.equal(await reader.delete("a.wasm"), false);

  // A bug of the client: a field hides the method with the same name. Called through the prototype, the method works.
  await assert.rejects(async () => reader.auth("GET"), TypeError);
  const allowed = (client, method) => Published.prototype.auth.call(client, method);
  for (const [method, reads] of Object.entries({ GET: true, HEAD: true, POST: false, PUT: false, DELETE: false })) {
    assert.equal(await allowed(reader, method), reads, method);
    assert.equal(await allowed(writer, method), true, method);
    assert.equal(await allowed(Client(url, null, "wrong"), method), false, method);
  }
}

const [url, urlWithKeys] = process.argv.slice(2);
const client = Client(url);
await modules(client);
await names(client);
await instantiation(client);
await history(client);
await branches(client, Client(url, "feature/x"));
await collection(client);
const watched = await watching(client);
await keys(urlWithKeys);
const methods = Object.getOwnPropertyNames(Published.prototype).filter((name) => name !== "constructor");
assert.deepEqual(methods.filter((name) => !called.has(name)), []);
console.log(`npm: ${methods.length - 1 + watched} methods passed`);
