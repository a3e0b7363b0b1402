// The programs of docs/sdk.md that read from a replica. Below them is a fetch
// that notes what is asked for, and can lose, strip or hold an answer.

import { writeFileSync } from "node:fs";
import { check, config, end, same } from "./harness.mjs";

for (const [name, text] of Object.entries(config.programs)) writeFileSync(new URL(name, import.meta.url), text);
Object.assign(process.env, { FLOE_URL: config.url, FLOE_TOKEN: config.token });

const header = "Floe-Consistency";
const wire = globalThis.fetch;
const through = (response) => response;
let asked; // what the last request had in its header
let answered; // and what the last answer had
let treat = through; // what becomes of an answer

globalThis.fetch = async (input, init) => {
  const sent = new Request(input, init);
  asked = sent.headers.get(header);
  const response = await wire(sent);
  answered = response.headers.get(header);
  return treat(response);
};

const current = config.sdk === "polar-sdk-1";
const { floe } = await import(current ? "./floe.mjs" : "./floe-0.mjs");
const { customers } = floe;
const read = async (id) => (await customers.get(current ? id : { id })).name;
const write = (id, name) => (current ? customers.update(id, { name }) : customers.update({ id, customerUpdate: { name } }));
const create = async (n) => (await customers.create({ email: `${config.sdk}-${n}@example.com`, name: "new" })).id;
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

const id = await create(1);
const other = await create(2);

await check("every read asks for the write before it and sees it", async () => {
  for (let i = 0; i < 5; i++) {
    await write(id, `name ${i}`);
    const wrote = answered;
    same(await read(id), `name ${i}`);
    same(asked, wrote);
    await pause(700); // now the replica has it
    same(await read(id), `name ${i}`);
    same(asked, wrote);
  }
});

for (const [name, lose] of Object.entries({
  "without the header": (response) => { response.headers.delete(header); return response; },
  "not at all": () => { throw new TypeError("fetch failed"); },
})) {
  await check(`a change that is answered ${name}`, async () => {
    await write(id, "known");
    await pause(700); // now the replica has that
    treat = (response) => lose(new Response(response.body, response));
    await write(id, name).catch(() => {});
    treat = through;
    same(await read(id), name);
    same(asked, null);
    await write(id, "again");
    const wrote = answered;
    await read(id);
    same(asked, wrote);
  });
}

// hold has the server do a change, and returns what lets its answer arrive.
async function hold(change) {
  let release, done;
  const held = new Promise((resolve) => { release = resolve; });
  await new Promise((arrived) => {
    treat = async (response) => { arrived(); await held; return response; };
    done = change();
  });
  treat = through;
  return () => { release(); return done; };
}

await check("the earlier of two changes is answered last", async () => {
  const first = await hold(() => write(id, "earlier"));
  await write(other, "later");
  const later = answered;
  await first();
  same(await read(other), "later");
  same(asked, later);
});

await check("a change that began before another was lost", async () => {
  const first = await hold(() => write(id, "before"));
  treat = () => { throw new TypeError("fetch failed"); };
  await write(other, "lost").catch(() => {});
  treat = through;
  await first();
  same(await read(other), "lost");
  same(asked, null);
});

end();
