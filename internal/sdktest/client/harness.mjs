// What the clients share. Each check prints one line of JSON, which the Go test
// turns into a subtest: {"name", "ok", "detail"}. The last line of a script is
// named "end", so that one which stops half way is not taken for one that is
// done.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

// Where the server is and what may be done there; see config in the Go test.
export const config = JSON.parse(readFileSync(process.env.FLOE_SDK_TEST, "utf8"));

const print = (line) => console.log(JSON.stringify(line));

export async function check(name, run) {
  try {
    await run();
    print({ name, ok: true, detail: "" });
  } catch (error) {
    print({ name, ok: false, detail: describe(error) });
  }
}

export const end = () => print({ name: "end", ok: true, detail: "" });

export function describe(error) {
  if (!(error instanceof Error)) return String(error);
  const more = ["statusCode", "body", "rawMessage", "cause", "error"]
    .filter((key) => error[key] !== undefined)
    .map((key) => `${key}: ${typeof error[key] === "object" ? JSON.stringify(error[key]) : error[key]}`);
  return [error.stack ?? error.message, ...more].join("\n").slice(0, 4000);
}

// throws asserts that work fails with an error of a class and returns it.
export async function throws(ErrorClass, work) {
  try {
    await work();
  } catch (error) {
    if (error instanceof ErrorClass) return error;
    throw new Error(`want ${ErrorClass.name}, got ${error?.constructor?.name}: ${describe(error)}`);
  }
  throw new Error(`want ${ErrorClass.name}, but nothing failed`);
}

// has asserts that an object has these values, whatever else it has.
export function has(object, values) {
  for (const [key, value] of Object.entries(values)) {
    assert.deepEqual(object[key], value, `${key} is ${JSON.stringify(object[key])}, want ${JSON.stringify(value)}`);
  }
}

export const same = (got, want, message) => assert.deepEqual(got, want, message);
export const ok = (value, message) => assert.ok(value, message);

export async function collect(iterable) {
  const out = [];
  for await (const item of iterable) out.push(item);
  return out;
}

// Ids that survive only if both sides encode and decode them the same way, and
// some that read like parts of a path.
export const awkward = [
  "a/b c", "ü", "%", "%2F", "100% sure?", "a+b&c=d", "#1", "semi;colon", "[x]", "state", "members", "payment-methods",
  "external", "日本語", "e\u0301", "quote'\"", "back\\slash", "no\u00a0break",
];

export const address = { line1: "1 Rue de Rivoli", line2: null, postal_code: "75001", city: "Paris", state: null, country: "FR" };

export const customerKeys = [
  "id", "created_at", "modified_at", "metadata", "external_id", "email", "email_verified", "type", "name", "billing_name",
  "billing_address", "tax_id", "locale", "organization_id", "default_payment_method_id", "deleted_at", "first_user_event_at",
  "avatar_url",
];

// request is for what is Floe's own and the SDKs do not know. It answers the
// status and the body, decoded. A token that is null is not sent.
export async function request(method, path, body, token = config.token) {
  const response = await fetch(config.url + path, {
    method, body: body === undefined || body === null ? undefined : JSON.stringify(body),
    headers: { ...(token === null ? {} : { Authorization: `Bearer ${token}` }), "Content-Type": "application/json" },
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

// pdf asserts that a link leads to a PDF file.
export async function pdf(link) {
  const { pathname, search } = new URL(link);
  const response = await fetch(config.url + pathname + search); // the link names the public address
  same(response.status, 200);
  same(Buffer.from(await response.arrayBuffer()).subarray(0, 5).toString("latin1"), "%PDF-");
}

// day is so many days from now, by a clock that may not be the machine's.
export const day = (from, days) => new Date(new Date(from).getTime() + days * 86_400_000);
