// Clones a served store with isomorphic-git, an implementation of git in JavaScript, and reads every module.
//
// Usage: isomorphic_clone.mjs URL DIRECTORY CLONE [KEY], where DIRECTORY contains the modules that the store must have. The script is
// copied to the directory where isomorphic-git is installed: Node looks for modules next to the file that imports them.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";

const { default: git } = await import("isomorphic-git");
const { default: http } = await import("isomorphic-git/http/node");

const [url, directory, gitdir, key] = process.argv.slice(2);
const onAuth = () => (key ? { username: "git", password: key } : { cancel: true });
await git.clone({ fs, http, dir: gitdir, gitdir, url, onAuth, noCheckout: true });

const found = new Set();
const map = async (filepath, [entry]) => {
  if ((await entry.type()) !== "blob") return;
  const expected = fs.readFileSync(path.join(directory, filepath));
  assert.ok(expected.equals(Buffer.from(await entry.content())), filepath);
  found.add(filepath);
};
await git.walk({ fs, dir: gitdir, gitdir, trees: [git.TREE({ ref: "HEAD" })], map });

const all = fs.readdirSync(directory, { recursive: true, withFileTypes: true });
assert.equal(found.size, all.filter((entry) => entry.isFile()).length);
console.log(`isomorphic-git: ${found.size} modules passed`);
