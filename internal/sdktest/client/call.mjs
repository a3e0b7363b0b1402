// SDK 1.0.1 by remote control: each line of the input is a call of one of its
// methods, as in {"call": "customers.get", "args": ["…"]}, or with "request" of
// what it does not know; each is answered with a line, {"value"} or {"error"}.

import { createInterface } from "node:readline";
import { createPolar } from "polar-sdk-1/2026-04";
import { config, describe, request } from "./harness.mjs";

const polar = createPolar({ baseUrl: config.url, accessToken: config.token, timeout: 60 });

async function answer({ call, args }) {
  if (call === "request") return request(...args);
  const [area, method] = call.split(".");
  return polar[area][method](...args);
}

for await (const line of createInterface({ input: process.stdin })) {
  const out = await answer(JSON.parse(line)).then((value) => ({ value: value ?? null }), (error) => ({ error: describe(error) }));
  process.stdout.write(`${JSON.stringify(out)}\n`);
}
