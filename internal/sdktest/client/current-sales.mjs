// SDK 1.0.1: what customers own: subscriptions, orders, grants and license
// keys, and the state that they add up to. What the SDK does not know, because
// it is Floe's own, goes through plain requests.

import { PolarClientError } from "polar-sdk-1";
import { address, check, collect, config, customerKeys, day, end, has, ok, pdf, request, same, throws } from "./harness.mjs";

const { createPolar, errors } = await import(`polar-sdk-1/${config.version}`);

const client = (accessToken) => createPolar({ baseUrl: config.url, accessToken, timeout: 30 });
const polar = client(config.token);
const { benefits, benefitGrants, customers, discounts, licenseKeys, orders, products, refunds, subscriptions } = polar;
const portal = polar.customerPortal.licenseKeys;
const other = client(config.other.token);
const nobody = "00000000-0000-4000-8000-000000000000";
const organization_id = config.organization.id;

const ids = (list) => list.map((x) => x.id);
const usd = (price_amount) => ({ amount_type: "fixed", price_amount, price_currency: "usd" });
const refused = async (statusCode, call) => has(await throws(PolarClientError, call), { statusCode });
const invoiced = { collection_method: "send_invoice" };

// What everything below is about.
const note = await benefits.create({ type: "custom", description: "A note of thanks", properties: { note: "Thanks" } });
const keyed = await benefits.create({ type: "license_keys", description: "A license", properties: { prefix: "lic", activations: { limit: 2, enable_customer_admin: false } } });
const free = await products.create({ name: "Free plan", recurring_interval: "month", prices: [usd(0)] });
const basic = await products.create({ name: "Basic plan", recurring_interval: "month", prices: [usd(1000)] });
const better = await products.create({ name: "Better plan", recurring_interval: "month", prices: [usd(3000)] });
const trial = await products.create({ name: "Trial plan", recurring_interval: "month", trial_interval: "day", trial_interval_count: 7, prices: [usd(1000)] });
const tiers = [{ min_seats: 1, max_seats: 10, price_per_seat: 500 }];
const seats = await products.create({ name: "Team plan", recurring_interval: "month", prices: [{ amount_type: "seat_based", seat_tiers: { tiers } }] });
const book = await products.create({ name: "A book", prices: [usd(2500)] });
for (const p of [free, basic, better, book]) await products.updateBenefits(p.id, { benefits: [note.id, keyed.id] });
const tenth = await discounts.create({ type: "percentage", duration: "forever", basis_points: 1000, name: "A tenth off" });

const buyer = await customers.create({
  email: "buyer@example.com", name: "Bea Buyer", external_id: "buyer/1",
  billing_address: { line1: address.line1, postal_code: address.postal_code, city: address.city, country: "FR" },
});
const customer_id = buyer.id;

// --- subscriptions ---

let sub, paid;

await check("subscriptions.create free", async () => {
  sub = await subscriptions.create({ product_id: free.id, customer_id, metadata: { from: "sdk" } });
  has(sub, {
    status: "active", amount: 0, currency: "usd", recurring_interval: "month", recurring_interval_count: 1, customer_id, product_id: free.id,
    cancel_at_period_end: false, canceled_at: null, ended_at: null, trial_start: null, seats: null, discount: null, pending_update: null, metadata: { from: "sdk" },
  });
  has(sub.customer, { id: customer_id, email: "buyer@example.com" });
  has(sub.product, { id: free.id, name: "Free plan" });
  ok(sub.current_period_end > sub.current_period_start);
});

await check("subscriptions.create by external id", async () => {
  await customers.create({ email: "second-buyer@example.com", external_id: "second" });
  has(await subscriptions.create({ product_id: free.id, external_customer_id: "second" }), { status: "active" });
});

await check("subscriptions.create problems", async () => {
  for (const body of [{ product_id: basic.id, customer_id }, { product_id: book.id, customer_id }, { product_id: nobody, customer_id }, { product_id: free.id, customer_id: nobody }]) {
    ok((await throws(errors.HTTPValidationError, () => subscriptions.create(body))).error.detail.length > 0);
  }
});

await check("subscriptions.create by invoice", async () => {
  paid = await subscriptions.create({ product_id: basic.id, customer_id, ...invoiced });
  has(paid, { status: "active", amount: 1000 });
  const [order] = (await orders.list({ subscription_id: paid.id })).items;
  has(order, { status: "pending", billing_reason: "subscription_create", total_amount: 1000, due_amount: 1000, paid: false });
});

await check("subscriptions.get", async () => {
  same(await subscriptions.get(sub.id), sub);
  await throws(errors.ResourceNotFound, () => other.subscriptions.get(sub.id));
});

await check("subscriptions.list", async () => {
  same(ids((await subscriptions.list({ customer_id, sorting: ["started_at"] })).items), [sub.id, paid.id]);
  same(ids((await subscriptions.list({ external_customer_id: "buyer/1", sorting: ["-amount"] })).items), [paid.id, sub.id]);
  same(ids((await subscriptions.list({ product_id: [free.id], customer_id, status: ["active"] })).items), [sub.id]);
  same(ids((await subscriptions.list({ metadata: { from: "sdk" }, active: true })).items), [sub.id]);
  same((await subscriptions.list({ customer_id, cancel_at_period_end: true })).items, []);
  same((await subscriptions.list({ organization_id: config.other.id })).items, []);
  same((await collect(subscriptions.iterList({ customer_id, limit: 1 }))).length, 2);
});

await check("subscriptions.update metadata", async () => {
  has(await subscriptions.update(sub.id, { metadata: { from: "sdk", changed: true } }), { metadata: { from: "sdk", changed: true } });
});

await check("subscriptions.update cancels and takes it back", async () => {
  const canceled = await subscriptions.update(sub.id, {
    cancel_at_period_end: true, customer_cancellation_reason: "too_expensive", customer_cancellation_comment: "Free is too much",
  });
  has(canceled, { status: "active", cancel_at_period_end: true, ends_at: canceled.current_period_end, customer_cancellation_reason: "too_expensive" });
  ok(canceled.canceled_at !== null);
  await throws(errors.SubscriptionsUpdate403Error, () => subscriptions.update(sub.id, { cancel_at_period_end: true }));
  same(ids((await subscriptions.list({ customer_cancellation_reason: ["too_expensive"] })).items), [sub.id]);
  has(await subscriptions.update(sub.id, { cancel_at_period_end: false }), { cancel_at_period_end: false, canceled_at: null, ends_at: null });
});

await check("subscriptions.update pauses and takes it back", async () => {
  const pausing = await subscriptions.update(sub.id, { pause_at_period_end: true, resumes_at: day(sub.current_period_end, 10).toISOString() });
  has(pausing, { status: "active", pause_at_period_end: true });
  has(await subscriptions.update(sub.id, { pause_at_period_end: false }), { pause_at_period_end: false });
  await throws(errors.SubscriptionsUpdate409Error, () => subscriptions.update(sub.id, { resume: true }));
});

await check("subscriptions.update discount", async () => {
  const cheaper = await subscriptions.update(paid.id, { discount_id: tenth.id });
  has(cheaper.discount, { id: tenth.id, name: "A tenth off" });
  has(await subscriptions.update(paid.id, { discount_id: null }), { discount: null });
});

await check("subscriptions.update product", async () => {
  await throws(errors.SubscriptionsUpdate402Error, () => subscriptions.update(sub.id, { product_id: better.id, proration_behavior: "invoice" }));
  const waiting = await subscriptions.update(paid.id, { product_id: better.id, proration_behavior: "next_period" });
  has(waiting, { product_id: basic.id });
  has(waiting.pending_update, { product_id: better.id, applies_at: waiting.current_period_end });
  has(await subscriptions.update(paid.id, { pending_update: null }), { pending_update: null });
  has(await subscriptions.update(paid.id, { product_id: better.id, proration_behavior: "prorate" }), { product_id: better.id, amount: 3000, pending_update: null });
  has(await subscriptions.update(paid.id, { product_id: basic.id, proration_behavior: "invoice", ...invoiced }), { product_id: basic.id, amount: 1000 });
});

await check("subscriptions.update seats", async () => {
  const team = await customers.create({ type: "team", name: "A team", owner: { email: "team-owner@example.com" } });
  const s = await subscriptions.create({ product_id: seats.id, customer_id: team.id, ...invoiced });
  has(s, { seats: 1, amount: 500 });
  has(await subscriptions.update(s.id, { seats: 4, proration_behavior: "prorate" }), { seats: 4, amount: 2000 });
  await refused(400, () => subscriptions.update(s.id, { seats: 11 }));
  await refused(400, () => subscriptions.update(paid.id, { seats: 2 }));
});

await check("subscriptions.update trial", async () => {
  const t = await subscriptions.create({ product_id: trial.id, customer_id, ...invoiced });
  has(t, { status: "trialing", trial_end: t.current_period_end });
  const longer = await subscriptions.update(t.id, { trial_end: day(t.trial_end, 7).toISOString() });
  same(new Date(longer.trial_end), day(t.trial_end, 7));
  has(await subscriptions.update(t.id, { trial_end: "now" }), { status: "active" });
  has(await subscriptions.update(t.id, { revoke: true }), { status: "canceled" });
});

await check("subscriptions.update billing period", async () => {
  const end = day(sub.current_period_end, 3).toISOString();
  same(new Date((await subscriptions.update(sub.id, { current_billing_period_end: end })).current_period_end), new Date(end));
});

await check("subscriptions.update problems", async () => {
  await throws(errors.HTTPValidationError, () => subscriptions.update(sub.id, { seats: 0 }));
  await throws(errors.HTTPValidationError, () => subscriptions.update(sub.id, { product_id: nobody }));
  await throws(errors.ResourceNotFound, () => subscriptions.update(nobody, { cancel_at_period_end: true }));
});

await check("subscriptions.revoke", async () => {
  const s = await subscriptions.create({ product_id: free.id, customer_id });
  const revoked = await subscriptions.revoke(s.id);
  has(revoked, { id: s.id, status: "canceled" });
  ok(revoked.ended_at !== null);
  await throws(errors.AlreadyCanceledSubscription, () => subscriptions.revoke(s.id));
  await throws(errors.ResourceNotFound, () => subscriptions.revoke(nobody));
});

await check("subscriptions.export", async () => {
  const lines = (await subscriptions.export({ organization_id, product_id: free.id, status: ["active"] })).split("\r\n");
  same(lines[0], "Email,Started At,Product,Amount,Currency,Status,Billing Interval");
  ok(lines.some((l) => l.startsWith("buyer@example.com,")));
  same((await subscriptions.export({ columns: ["status", "product"], timezone: "Europe/Paris" })).split("\r\n")[0], "Status,Product");
});

// --- orders ---

let draft;

await check("orders.create", async () => {
  draft = await orders.create({ customer_id, product_id: book.id, metadata: { shelf: 3 } });
  has(draft, { status: "draft", paid: false, invoice_number: null, total_amount: 2500, due_amount: 2500, currency: "usd", billing_reason: "purchase", billing_name: "Bea Buyer", metadata: { shelf: 3 } });
  same(draft.items.map((i) => [i.label, i.amount]), [["A book", 2500]]);
  await throws(errors.HTTPValidationError, () => orders.create({ customer_id, product_id: basic.id }));
});

await check("orders.finalize without a way to pay", async () => {
  const error = await throws(errors.OrdersFinalize402Error, () => orders.finalize(draft.id, {}));
  has(error, { statusCode: 402 });
  has(error.error, { error: "PaymentFailed" });
  same((await orders.get(draft.id)).status, "draft");
});

await check("orders.get", async () => {
  same((await orders.get(draft.id)).id, draft.id);
  await throws(errors.ResourceNotFound, () => other.orders.get(draft.id));
});

await check("orders.generateInvoice of a draft", async () => {
  await throws(errors.OrderNotEligibleForInvoice, () => orders.generateInvoice(draft.id));
});

await check("orders.finalize by invoice", async () => {
  const open = await orders.finalize(draft.id, invoiced);
  has(open, { status: "pending", paid: false, due_amount: 2500 });
  ok(open.invoice_number.endsWith("-0001") || open.invoice_number.length > 5);
  await throws(errors.OrderNotDraft, () => orders.finalize(draft.id, {}));
  await throws(errors.ResourceNotFound, () => orders.receipt(draft.id));
});

await check("payments that happened outside", async () => {
  const path = `/v1/orders/${draft.id}/payments`;
  has(await request("POST", path, { status: "succeeded", amount: 1000, reference: "bank-1", note: "the first part" }), { status: 201 });
  same((await orders.get(draft.id)).status, "pending");
  const rest = { status: "succeeded", amount: 1500, reference: "bank-2" };
  const first = await request("POST", path, rest);
  has(first.body, { amount: 1500, processor: "manual", reference: "bank-2" });
  same((await request("POST", path, rest)).body, first.body);
  has(await request("POST", path, { ...rest, amount: 1400 }), { status: 409 });
  same((await request("GET", path)).body.items.map((p) => p.amount), [1000, 1500]);
  has(await orders.get(draft.id), { status: "paid", paid: true });
});

await check("payments.list without a processor", async () => {
  const { payments } = polar;
  same((await payments.list({ order_id: draft.id })).items, []); // what happened outside is with the order
  await throws(errors.ResourceNotFound, () => payments.get(nobody));
});

await check("orders.list", async () => {
  same(ids((await orders.list({ customer_id, status: ["paid"], product_billing_type: ["one_time"] })).items), [draft.id]);
  same(ids((await orders.list({ product_id: [book.id], metadata: { shelf: 3 } })).items), [draft.id]);
  same((await orders.list({ external_customer_id: "nobody" })).items, []);
  same((await orders.list({ organization_id: config.other.id })).items, []);
  const all = await collect(orders.iterList({ customer_id, limit: 2, sorting: ["created_at"] }));
  same(all.length, (await orders.list({ customer_id })).pagination.total_count);
  ok(all.length > 4);
});

await check("orders.update", async () => {
  const billing_address = { ...address, line1: "2 Rue de Rivoli" };
  const changed = await orders.update(draft.id, { billing_name: "Bea Buyer SARL", billing_address });
  has(changed, { billing_name: "Bea Buyer SARL", billing_address });
  await throws(errors.HTTPValidationError, () => orders.update(draft.id, { billing_address: { country: "DE" } }));
});

await check("orders.generateInvoice, invoice and receipt", async () => {
  await throws(errors.ResourceNotFound, () => orders.invoice(draft.id));
  await orders.generateInvoice(draft.id);
  await pdf((await orders.invoice(draft.id)).url);
  await pdf((await orders.receipt(draft.id)).url);
  has(await orders.get(draft.id), { is_invoice_generated: true });
});

await check("orders.export", async () => {
  const lines = (await orders.export({ organization_id })).split("\r\n");
  ok(lines[0].startsWith("Email,Created At,Product"));
  ok(lines.some((l) => l.includes(",A book,")));
});

await check("refunds", async () => {
  const refund = await refunds.create({ order_id: draft.id, reason: "customer_request", amount: 500 });
  has(refund, { amount: 500, status: "succeeded", order_id: draft.id, reason: "customer_request" });
  same((await refunds.list({ order_id: draft.id })).items, [refund]);
  has(await orders.get(draft.id), { status: "partially_refunded", refunded_amount: 500 });
});

// --- grants and license keys ---

let key;

await check("benefitGrants.list", async () => {
  const all = await collect(benefitGrants.iterList({ customer_id, limit: 2 }));
  ok(all.length >= 4);
  const { items } = await benefitGrants.list({ external_customer_id: "buyer/1", is_granted: true, sorting: ["granted_at"], limit: 100 });
  ok(items.length > 0 && items.every((g) => g.is_granted && g.customer.id === customer_id && g.benefit.id === g.benefit_id));
  ok(items.some((g) => g.order_id === draft.id && g.benefit_id === keyed.id && g.properties.license_key_id));
  same((await benefitGrants.list({ organization_id: config.other.id })).items, []);
});

await check("benefits.grants", async () => {
  const { items } = await benefits.grants(note.id, { customer_id, is_granted: false });
  ok(items.length > 0 && items.every((g) => g.is_revoked));
  ok((await collect(benefits.iterGrants(note.id, { limit: 1 }))).length > items.length);
  await throws(errors.ResourceNotFound, () => benefits.grants(nobody));
});

await check("licenseKeys.list and get", async () => {
  const { items } = await licenseKeys.list({ benefit_id: keyed.id, status: ["granted"], limit: 100 });
  key = items.find((k) => k.customer_id === customer_id);
  has(key, { status: "granted", limit_activations: 2, usage: 0, benefit_id: keyed.id });
  ok(key.key.startsWith("LIC-"));
  const read = await licenseKeys.get(key.id);
  has(read, { id: key.id, key: key.key, activations: [] });
  ok((await collect(licenseKeys.iterList({ limit: 1 }))).length >= items.length);
  await throws(errors.ResourceNotFound, () => licenseKeys.get(nobody));
});

await check("licenseKeys.update", async () => {
  has(await licenseKeys.update(key.id, { limit_usage: 5, usage: 1 }), { limit_usage: 5, usage: 1, status: "granted" });
});

let activation;

await check("licenseKeys.activate", async () => {
  activation = await licenseKeys.activate({ key: key.key, organization_id, label: "Laptop", conditions: { major: 1 }, meta: { os: "linux" } });
  has(activation, { license_key_id: key.id, label: "Laptop", meta: { os: "linux" } });
  has(await licenseKeys.getActivation(key.id, activation.id), { id: activation.id, label: "Laptop" });
});

await check("licenseKeys.validate", async () => {
  const valid = await licenseKeys.validate({ key: key.key, organization_id, activation_id: activation.id, conditions: { major: 1 }, increment_usage: 2 });
  has(valid, { id: key.id, status: "granted", usage: 3, validations: 1 });
  has(valid.activation, { id: activation.id });
  await throws(errors.ResourceNotFound, () => licenseKeys.validate({ key: key.key, organization_id, activation_id: activation.id, conditions: { major: 2 } }));
});

await check("customerPortal.licenseKeys", async () => {
  const made = await portal.activate({ key: key.key, organization_id, label: "Phone" });
  has(await portal.validate({ key: key.key, organization_id, activation_id: made.id }), { id: key.id });
  await throws(errors.NotPermitted, () => portal.activate({ key: key.key, organization_id, label: "One too many" }));
  same(await portal.deactivate({ key: key.key, organization_id, activation_id: made.id }), undefined);
  // A program on a customer's machine has no token; the SDK always sends one.
  has(await request("POST", "/v1/customer-portal/license-keys/validate", { key: key.key, organization_id }, null), { status: 200 });
  await throws(errors.ResourceNotFound, () => portal.validate({ key: "nonsense", organization_id }));
});

await check("licenseKeys.rotate", async () => {
  const rotated = await licenseKeys.rotate(key.id);
  ok(rotated.key !== key.key);
  await throws(errors.ResourceNotFound, () => licenseKeys.validate({ key: key.key, organization_id }));
  key = rotated;
});

await check("licenseKeys.deactivate", async () => {
  same(await licenseKeys.deactivate({ key: key.key, organization_id, activation_id: activation.id }), undefined);
  same((await licenseKeys.get(key.id)).activations, []);
});

await check("licenseKeys.update disables", async () => {
  has(await licenseKeys.update(key.id, { status: "disabled" }), { status: "disabled" });
  await throws(errors.ResourceNotFound, () => licenseKeys.validate({ key: key.key, organization_id }));
  has(await licenseKeys.update(key.id, { status: "granted" }), { status: "granted" });
});

// --- state ---

await check("customers.getState", async () => {
  const state = await customers.getState(customer_id);
  same(Object.keys(state), [...customerKeys, "active_subscriptions", "granted_benefits", "active_meters"]);
  same(ids(state.active_subscriptions).sort(), [sub.id, paid.id].sort());
  has(state.active_subscriptions.find((s) => s.id === paid.id), { status: "active", amount: 1000, product_id: basic.id, currency: "usd" });
  const types = new Set(state.granted_benefits.map((g) => g.benefit_type));
  same([...types].sort(), ["custom", "license_keys"]);
  same(await customers.getStateExternal("buyer/1"), state);
});

await check("customers.list active", async () => {
  ok(ids((await customers.list({ active: true, limit: 100 })).items).includes(customer_id));
});

await check("a state that has not changed", async () => {
  const ask = (headers) => fetch(`${config.url}/v1/customers/${buyer.id}/state`, { headers: { Authorization: `Bearer ${config.token}`, ...headers } });
  const etag = (await ask({})).headers.get("ETag");
  same((await ask({ "If-None-Match": etag })).status, 304);
});

// --- a clock of one's own ---

await check("a year passes on a test clock", async () => {
  same((await request("GET", "/v1/test-clock")).status, 404);
  const start = new Date(paid.current_period_start);
  has(await request("POST", "/v1/test-clock", { now: day(start, 1).toISOString() }), { status: 201 });
  has(await request("POST", "/v1/test-clock/advance", { to: day(start, 33).toISOString() }), { status: 200 });
  const state = (await request("GET", `/v1/customers/${customer_id}/state?include=past_due`)).body;
  has(state.past_due_subscriptions[0], { id: paid.id, status: "past_due" });
  has(await request("POST", "/v1/test-clock/advance", { to: day(start, 200).toISOString() }), { status: 200 });
  has(await subscriptions.get(paid.id), { status: "canceled" });
  has(await subscriptions.get(sub.id), { status: "active" });
  same(new Date((await request("GET", "/v1/test-clock")).body.now), day(start, 200));
  has(await request("DELETE", "/v1/test-clock"), { status: 204 });
});

// --- deletion of a customer who has all of this ---

await check("customers.delete with anonymize", async () => {
  same(await customers.delete(customer_id, { anonymize: true }), undefined);
  const gone = await subscriptions.get(sub.id);
  has(gone, { status: "canceled" });
  has(gone.customer, { id: customer_id, external_id: "buyer/1" }); // whose it was
  ok(gone.customer.deleted_at !== null && gone.customer.email !== "buyer@example.com");
  const order = await orders.get(draft.id);
  has(order, { billing_name: "Bea Buyer SARL", customer_id });
  same((await benefitGrants.list({ customer_id, is_granted: true })).items, []);
  await throws(errors.ResourceNotFound, () => licenseKeys.validate({ key: key.key, organization_id }));
  await customers.create({ email: "buyer@example.com", external_id: "buyer/1" });
});

end();
