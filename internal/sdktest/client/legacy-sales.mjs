// SDK 0.49.0: what customers own: subscriptions, orders, grants and license
// keys, and the state that they add up to. What the SDK does not know, because
// it is Floe's own, goes through plain requests.

import { Polar } from "polar-sdk-0";
import { AlreadyCanceledSubscription } from "polar-sdk-0/models/errors/alreadycanceledsubscription.js";
import { HTTPValidationError } from "polar-sdk-0/models/errors/httpvalidationerror.js";
import { NotPermitted } from "polar-sdk-0/models/errors/notpermitted.js";
import { OrderNotDraft } from "polar-sdk-0/models/errors/ordernotdraft.js";
import { OrderNotEligibleForInvoice } from "polar-sdk-0/models/errors/ordernoteligibleforinvoice.js";
import { PaymentFailed } from "polar-sdk-0/models/errors/paymentfailed.js";
import { ResourceNotFound } from "polar-sdk-0/models/errors/resourcenotfound.js";
import { ResponseValidationError } from "polar-sdk-0/models/errors/responsevalidationerror.js";
import { check, collect, config, day, end, has, ok, pdf, request, same, throws } from "./harness.mjs";

const client = (accessToken) => new Polar({ serverURL: config.url, accessToken });
const polar = client(config.token);
const { benefits, benefitGrants, customers, discounts, licenseKeys, orders, products, refunds, subscriptions } = polar;
const portal = new Polar({ serverURL: config.url }).customerPortal.licenseKeys; // without a token, as on a customer's machine
const other = client(config.other.token);
const nobody = "00000000-0000-4000-8000-000000000000";
const organizationId = config.organization.id;

const items = async (page) => (await page).result.items;
const pages = async (page) => (await collect(await page)).map((p) => p.result.items);
const ids = (list) => list.map((x) => x.id);
const usd = (priceAmount) => ({ amountType: "fixed", priceAmount, priceCurrency: "usd" });
const update = (id, subscriptionUpdate) => subscriptions.update({ id, subscriptionUpdate });

// invoiced is what the SDK has no word for: to be paid by invoice.
async function invoiced(method, path, body) {
  const answer = await request(method, path, { ...body, collection_method: "send_invoice" });
  ok(answer.status < 300, JSON.stringify(answer));
  return answer.body.id;
}

// What everything below is about.
const note = await benefits.create({ type: "custom", description: "A note of thanks", properties: { note: "Thanks" } });
const keyed = await benefits.create({ type: "license_keys", description: "A license", properties: { prefix: "lic", activations: { limit: 2, enableCustomerAdmin: false } } });
const free = await products.create({ name: "Free plan", recurringInterval: "month", prices: [usd(0)] });
const basic = await products.create({ name: "Basic plan", recurringInterval: "month", prices: [usd(1000)] });
const better = await products.create({ name: "Better plan", recurringInterval: "month", prices: [usd(3000)] });
const trial = await products.create({ name: "Trial plan", recurringInterval: "month", trialInterval: "day", trialIntervalCount: 7, prices: [usd(1000)] });
const seatTiers = { tiers: [{ minSeats: 1, maxSeats: 10, pricePerSeat: 500 }] };
const seats = await products.create({ name: "Team plan", recurringInterval: "month", prices: [{ amountType: "seat_based", seatTiers }] });
const book = await products.create({ name: "A book", prices: [usd(2500)] });
for (const p of [free, basic, better, book]) await products.updateBenefits({ id: p.id, productBenefitsUpdate: { benefits: [note.id, keyed.id] } });
const tenth = await discounts.create({ type: "percentage", duration: "forever", basisPoints: 1000, name: "A tenth off" });

const buyer = await customers.create({
  email: "buyer@example.com", name: "Bea Buyer", externalId: "buyer/1",
  billingAddress: { line1: "1 Rue de Rivoli", postalCode: "75001", city: "Paris", country: "FR" },
});
const customerId = buyer.id;

// --- subscriptions ---

let sub, paid;

await check("subscriptions.create free", async () => {
  sub = await subscriptions.create({ productId: free.id, customerId, metadata: { from: "sdk" } });
  has(sub, {
    status: "active", amount: 0, currency: "usd", recurringInterval: "month", customerId, productId: free.id, cancelAtPeriodEnd: false,
    canceledAt: null, endedAt: null, trialStart: null, discount: null, pendingUpdate: null, metadata: { from: "sdk" },
  });
  has(sub.customer, { id: customerId, email: "buyer@example.com" });
  ok(sub.currentPeriodEnd > sub.currentPeriodStart);
});

await check("subscriptions.create by external id", async () => {
  await customers.create({ email: "second-buyer@example.com", externalId: "second" });
  has(await subscriptions.create({ productId: free.id, externalCustomerId: "second" }), { status: "active" });
});

await check("subscriptions.create problems", async () => {
  for (const body of [{ productId: basic.id, customerId }, { productId: book.id, customerId }, { productId: free.id, customerId: nobody }]) {
    ok((await throws(HTTPValidationError, () => subscriptions.create(body))).detail.length > 0);
  }
});

await check("subscriptions by invoice", async () => {
  paid = await subscriptions.get({ id: await invoiced("POST", "/v1/subscriptions/", { product_id: basic.id, customer_id: customerId }) });
  has(paid, { status: "active", amount: 1000 });
  const [order] = await items(orders.list({ subscriptionId: paid.id }));
  has(order, { status: "pending", billingReason: "subscription_create", totalAmount: 1000, dueAmount: 1000, paid: false });
});

await check("subscriptions.get", async () => {
  same(await subscriptions.get({ id: sub.id }), sub);
  await throws(ResourceNotFound, () => other.subscriptions.get({ id: sub.id }));
});

await check("subscriptions.list", async () => {
  same(ids(await items(subscriptions.list({ customerId, sorting: ["started_at"] }))), [sub.id, paid.id]);
  same(ids(await items(subscriptions.list({ externalCustomerId: "buyer/1", sorting: ["-amount"] }))), [paid.id, sub.id]);
  same(ids(await items(subscriptions.list({ metadata: { from: "sdk" }, active: true }))), [sub.id]);
  same(await items(subscriptions.list({ customerId, cancelAtPeriodEnd: true })), []);
  same((await pages(subscriptions.list({ customerId, limit: 1 }))).flat().length, 2);
});

await check("subscriptions.update cancels and takes it back", async () => {
  const canceled = await update(sub.id, { cancelAtPeriodEnd: true, customerCancellationReason: "too_expensive", customerCancellationComment: "Too much" });
  has(canceled, { status: "active", cancelAtPeriodEnd: true, endsAt: canceled.currentPeriodEnd, customerCancellationReason: "too_expensive" });
  await throws(AlreadyCanceledSubscription, () => update(sub.id, { cancelAtPeriodEnd: true }));
  has(await update(sub.id, { cancelAtPeriodEnd: false }), { cancelAtPeriodEnd: false, canceledAt: null, endsAt: null });
});

await check("subscriptions.update pauses and takes it back", async () => {
  has(await update(sub.id, { pauseAtPeriodEnd: true, resumesAt: day(sub.currentPeriodEnd, 10) }), { status: "active", pauseAtPeriodEnd: true });
  has(await update(sub.id, { pauseAtPeriodEnd: false }), { pauseAtPeriodEnd: false });
});

await check("subscriptions.update discount", async () => {
  has((await update(paid.id, { discountId: tenth.id })).discount, { id: tenth.id, name: "A tenth off" });
  has(await update(paid.id, { discountId: null }), { discount: null });
});

await check("subscriptions.update product", async () => {
  await throws(PaymentFailed, () => update(sub.id, { productId: better.id, prorationBehavior: "invoice" }));
  const waiting = await update(paid.id, { productId: better.id, prorationBehavior: "next_period" });
  has(waiting.pendingUpdate, { productId: better.id, appliesAt: waiting.currentPeriodEnd });
  has(await update(paid.id, { pendingUpdate: null }), { pendingUpdate: null });
  has(await update(paid.id, { productId: better.id, prorationBehavior: "prorate" }), { productId: better.id, amount: 3000 });
  await invoiced("PATCH", `/v1/subscriptions/${paid.id}`, { product_id: basic.id, proration_behavior: "invoice" });
  has(await subscriptions.get({ id: paid.id }), { productId: basic.id, amount: 1000 });
});

await check("subscriptions.update seats", async () => {
  const team = await customers.create({ type: "team", name: "A team", owner: { email: "team-owner@example.com" } });
  const id = await invoiced("POST", "/v1/subscriptions/", { product_id: seats.id, customer_id: team.id });
  has(await subscriptions.get({ id }), { seats: 1, amount: 500 });
  has(await update(id, { seats: 4, prorationBehavior: "prorate" }), { seats: 4, amount: 2000 });
});

await check("subscriptions.update trial", async () => {
  const id = await invoiced("POST", "/v1/subscriptions/", { product_id: trial.id, customer_id: customerId });
  const t = await subscriptions.get({ id });
  has(t, { status: "trialing", trialEnd: t.currentPeriodEnd });
  same((await update(id, { trialEnd: day(t.trialEnd, 7) })).trialEnd, day(t.trialEnd, 7));
  has((await request("PATCH", `/v1/subscriptions/${id}`, { trial_end: "now" })).body, { status: "active" }); // the SDK only sends dates
  has(await update(id, { revoke: true }), { status: "canceled" });
});

await check("subscriptions.update billing period", async () => {
  const currentBillingPeriodEnd = day(sub.currentPeriodEnd, 3);
  has(await update(sub.id, { currentBillingPeriodEnd }), { currentPeriodEnd: currentBillingPeriodEnd });
});

await check("subscriptions.update problems", async () => {
  await throws(HTTPValidationError, () => update(sub.id, { productId: nobody }));
  await throws(ResourceNotFound, () => update(nobody, { cancelAtPeriodEnd: true }));
});

await check("subscriptions.revoke", async () => {
  const s = await subscriptions.create({ productId: free.id, customerId });
  has(await subscriptions.revoke({ id: s.id }), { id: s.id, status: "canceled" });
  await throws(AlreadyCanceledSubscription, () => subscriptions.revoke({ id: s.id }));
});

await check("subscriptions.export", async () => {
  const lines = (await subscriptions.export({ organizationId })).split("\r\n");
  same(lines[0], "Email,Started At,Product,Amount,Currency,Status,Billing Interval");
  ok(lines.some((l) => l.startsWith("buyer@example.com,")));
});

// --- orders ---

let draft;

await check("orders.create", async () => {
  draft = await orders.create({ customerId, productId: book.id, metadata: { shelf: 3 } });
  has(draft, { status: "draft", paid: false, invoiceNumber: null, totalAmount: 2500, dueAmount: 2500, currency: "usd", billingReason: "purchase", billingName: "Bea Buyer", metadata: { shelf: 3 } });
  same(draft.items.map((i) => [i.label, i.amount]), [["A book", 2500]]);
  await throws(HTTPValidationError, () => orders.create({ customerId, productId: basic.id }));
});

await check("orders.finalize without a way to pay", async () => {
  await throws(PaymentFailed, () => orders.finalize({ id: draft.id, orderFinalize: {} }));
  same(await orders.get({ id: draft.id }), draft);
  await throws(OrderNotEligibleForInvoice, () => orders.generateInvoice({ id: draft.id }));
});

await check("orders.finalize by invoice, paid outside", async () => {
  await invoiced("POST", `/v1/orders/${draft.id}/finalize`, {});
  has(await orders.get({ id: draft.id }), { status: "pending", paid: false });
  await throws(OrderNotDraft, () => orders.finalize({ id: draft.id }));
  has(await throws(ResponseValidationError, () => orders.receipt({ id: draft.id })), { statusCode: 404 }); // the reference's name, which the SDK does not know
  const path = `/v1/orders/${draft.id}/payments`;
  has(await request("POST", path, { status: "succeeded", amount: 2500, reference: "bank-1" }), { status: 201 });
  same((await request("GET", path)).body.items.length, 1);
  has(await orders.get({ id: draft.id }), { status: "paid", paid: true });
});

await check("payments.list without a processor", async () => {
  same(await items(polar.payments.list({ orderId: draft.id })), []); // what happened outside is with the order
  await throws(ResourceNotFound, () => polar.payments.get({ id: nobody }));
});

await check("orders.list", async () => {
  same(ids(await items(orders.list({ customerId, status: ["paid"], productBillingType: ["one_time"] }))), [draft.id]);
  same(ids(await items(orders.list({ productId: [book.id], metadata: { shelf: 3 } }))), [draft.id]);
  same(await items(orders.list({ organizationId: config.other.id })), []);
  ok((await pages(orders.list({ customerId, limit: 2, sorting: ["created_at"] }))).flat().length > 4);
});

await check("orders.update", async () => {
  const billingAddress = { line1: "2 Rue de Rivoli", postalCode: "75001", city: "Paris", country: "FR" };
  has(await orders.update({ id: draft.id, orderUpdate: { billingName: "Bea Buyer SARL", billingAddress } }), { billingName: "Bea Buyer SARL" });
});

await check("orders.generateInvoice, invoice and receipt", async () => {
  has(await throws(ResponseValidationError, () => orders.invoice({ id: draft.id })), { statusCode: 404 });
  await orders.generateInvoice({ id: draft.id });
  await pdf((await orders.invoice({ id: draft.id })).url);
  await pdf((await orders.receipt({ id: draft.id })).url);
  has(await orders.get({ id: draft.id }), { isInvoiceGenerated: true });
});

await check("orders.export", async () => {
  const lines = (await orders.export({ organizationId })).split("\r\n");
  ok(lines[0].startsWith("Email,Created At,Product"));
  ok(lines.some((l) => l.includes(",A book,")));
});

await check("refunds", async () => {
  const refund = await refunds.create({ orderId: draft.id, reason: "customer_request", amount: 500 });
  has(refund, { amount: 500, status: "succeeded", orderId: draft.id, reason: "customer_request" });
  same(await items(refunds.list({ orderId: draft.id })), [refund]);
  has(await orders.get({ id: draft.id }), { status: "partially_refunded", refundedAmount: 500 });
});

// --- grants and license keys ---

let key;

await check("benefitGrants.list", async () => {
  const list = await items(benefitGrants.list({ externalCustomerId: "buyer/1", isGranted: true, sorting: ["granted_at"], limit: 100 }));
  ok(list.length > 0 && list.every((g) => g.isGranted && g.customer.id === customerId && g.benefit.id === g.benefitId));
  ok(list.some((g) => g.orderId === draft.id && g.benefitId === keyed.id && g.properties.licenseKeyId));
  ok((await pages(benefitGrants.list({ customerId, limit: 2 }))).flat().length > list.length);
});

await check("benefits.grants", async () => {
  const list = await items(benefits.grants({ id: note.id, customerId, isGranted: false }));
  ok(list.length > 0 && list.every((g) => g.isRevoked));
  await throws(ResourceNotFound, () => benefits.grants({ id: nobody }));
});

await check("licenseKeys.list and get", async () => {
  key = (await items(licenseKeys.list({ benefitId: keyed.id, status: ["granted"], limit: 100 }))).find((k) => k.customerId === customerId);
  has(key, { status: "granted", limitActivations: 2, usage: 0, benefitId: keyed.id });
  has(await licenseKeys.get({ id: key.id }), { id: key.id, key: key.key, activations: [] });
  await throws(ResourceNotFound, () => licenseKeys.get({ id: nobody }));
});

await check("licenseKeys.update", async () => {
  has(await licenseKeys.update({ id: key.id, licenseKeyUpdate: { limitUsage: 5, usage: 1 } }), { limitUsage: 5, usage: 1, status: "granted" });
});

let activation;

await check("licenseKeys.activate", async () => {
  activation = await licenseKeys.activate({ key: key.key, organizationId, label: "Laptop", conditions: { major: 1 }, meta: { os: "linux" } });
  has(activation, { licenseKeyId: key.id, label: "Laptop", meta: { os: "linux" } });
  has(await licenseKeys.getActivation({ id: key.id, activationId: activation.id }), { id: activation.id, label: "Laptop" });
});

await check("licenseKeys.validate", async () => {
  const valid = await licenseKeys.validate({ key: key.key, organizationId, activationId: activation.id, conditions: { major: 1 }, incrementUsage: 2 });
  has(valid, { id: key.id, status: "granted", usage: 3, validations: 1 });
  await throws(ResourceNotFound, () => licenseKeys.validate({ key: key.key, organizationId, activationId: activation.id, conditions: { major: 2 } }));
});

await check("customerPortal.licenseKeys need no token", async () => {
  const made = await portal.activate({ key: key.key, organizationId, label: "Phone" });
  has(await portal.validate({ key: key.key, organizationId, activationId: made.id }), { id: key.id });
  await throws(NotPermitted, () => portal.activate({ key: key.key, organizationId, label: "One too many" }));
  same(await portal.deactivate({ key: key.key, organizationId, activationId: made.id }), undefined);
  await throws(ResourceNotFound, () => portal.validate({ key: "nonsense", organizationId }));
});

await check("licenseKeys.deactivate", async () => {
  same(await licenseKeys.deactivate({ key: key.key, organizationId, activationId: activation.id }), undefined);
  same((await licenseKeys.get({ id: key.id })).activations, []);
});

await check("licenseKeys.update disables", async () => {
  has(await licenseKeys.update({ id: key.id, licenseKeyUpdate: { status: "disabled" } }), { status: "disabled" });
  await throws(ResourceNotFound, () => licenseKeys.validate({ key: key.key, organizationId }));
});

// --- state ---

await check("customers.getState", async () => {
  const state = await customers.getState({ id: customerId });
  same(ids(state.activeSubscriptions).sort(), [sub.id, paid.id].sort());
  has(state.activeSubscriptions.find((s) => s.id === paid.id), { status: "active", amount: 1000, productId: basic.id, currency: "usd" });
  same([...new Set(state.grantedBenefits.map((g) => g.benefitType))].sort(), ["custom", "license_keys"]);
  same(await customers.getStateExternal({ externalId: "buyer/1" }), state);
});

await check("a state that has not changed", async () => {
  const ask = (headers) => fetch(`${config.url}/v1/customers/${buyer.id}/state`, { headers: { Authorization: `Bearer ${config.token}`, ...headers } });
  const etag = (await ask({})).headers.get("ETag");
  same((await ask({ "If-None-Match": etag })).status, 304);
});

// --- a clock of one's own ---

await check("months pass on a test clock", async () => {
  const start = paid.currentPeriodStart;
  has(await request("POST", "/v1/test-clock", { now: day(start, 1).toISOString() }), { status: 201 });
  has(await request("POST", "/v1/test-clock/advance", { to: day(start, 33).toISOString() }), { status: 200 });
  has(await subscriptions.get({ id: paid.id }), { status: "past_due" });
  has(await request("POST", "/v1/test-clock/advance", { to: day(start, 100).toISOString() }), { status: 200 });
  has(await subscriptions.get({ id: paid.id }), { status: "canceled" });
  same(new Date((await request("GET", "/v1/test-clock")).body.now), day(start, 100));
  has(await request("DELETE", "/v1/test-clock"), { status: 204 });
});

// --- deletion of a customer who has all of this ---

await check("customers.delete with anonymize", async () => {
  same(await customers.delete({ id: customerId, anonymize: true }), undefined);
  const gone = await subscriptions.get({ id: sub.id });
  has(gone, { status: "canceled" });
  has(gone.customer, { id: customerId, externalId: "buyer/1" }); // whose it was
  has(await orders.get({ id: draft.id }), { billingName: "Bea Buyer SARL", customerId });
  same(await items(benefitGrants.list({ customerId, isGranted: true })), []);
  await customers.create({ email: "buyer@example.com", externalId: "buyer/1" });
});

end();
