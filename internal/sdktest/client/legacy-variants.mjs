// SDK 0.49.0: every shape of a change to a subscription, and every proration
// behaviour of those that have a price. It knows no units, no metadata of a
// subscription once it is there, no end of a trial "now" and no method of
// collection: what it sends instead is checked too, and the rest is asked for
// with plain requests, so that what comes back is read by the SDK.

import { Polar } from "polar-sdk-0";
import { AlreadyCanceledSubscription } from "polar-sdk-0/models/errors/alreadycanceledsubscription.js";
import { HTTPValidationError } from "polar-sdk-0/models/errors/httpvalidationerror.js";
import { ResponseValidationError } from "polar-sdk-0/models/errors/responsevalidationerror.js";
import { SDKError } from "polar-sdk-0/models/errors/sdkerror.js";
import { SDKValidationError } from "polar-sdk-0/models/errors/sdkvalidationerror.js";
import { check, config, day, end, has, ok, request, same, throws } from "./harness.mjs";

const { benefits, customers, discounts, orders, products, refunds, subscriptions } = new Polar({ serverURL: config.url, accessToken: config.token });

const update = (id, subscriptionUpdate) => subscriptions.update({ id, subscriptionUpdate });
const plan = (name, price, more) => products.create({ name, recurringInterval: "month", prices: [price], ...more });
const usd = (priceAmount) => ({ amountType: "fixed", priceAmount, priceCurrency: "usd" });

const free = await plan("Free of variants", usd(0));
const small = await plan("Small", usd(1000));
const large = await plan("Large", usd(3000));
const trial = await plan("Tried", usd(1000), { trialInterval: "day", trialIntervalCount: 7 });
const seats = await plan("By seats", { amountType: "seat_based", seatTiers: { tiers: [{ minSeats: 1, maxSeats: 10, pricePerSeat: 500 }] } });
const half = await discounts.create({ type: "percentage", duration: "forever", basisPoints: 5000, name: "Half off" });
const { id: customerId } = await customers.create({ email: "variants@example.com", externalId: "variants" });
const team = await customers.create({ type: "team", name: "Variants", owner: { email: "variants-owner@example.com" } });

// plain sends a change as it stands, and reads the subscription after it.
async function plain(id, body) {
  const answer = await request("PATCH", `/v1/subscriptions/${id}`, { ...body, collection_method: "send_invoice" });
  same(answer.status, 200, JSON.stringify(answer.body));
  return subscriptions.get({ id });
}

async function subscribe(product, customer_id = customerId) {
  const made = await request("POST", "/v1/subscriptions/", { product_id: product.id, customer_id, collection_method: "send_invoice" });
  same(made.status, 201, JSON.stringify(made.body));
  return subscriptions.get({ id: made.body.id });
}

const ordersOf = async (s) => (await orders.list({ subscriptionId: s.id, sorting: ["created_at"] })).result.items;
const updates = async (s) => (await ordersOf(s)).filter((o) => o.billingReason === "subscription_update");

for (const [name, from, to, was, is, who] of [
  ["product", small, { productId: large.id }, { productId: small.id, amount: 1000 }, { productId: large.id, amount: 3000 }],
  ["seats", seats, { seats: 4 }, { seats: 1, amount: 500 }, { seats: 4, amount: 2000 }, team.id],
]) {
  const start = async () => {
    const s = await subscribe(from, who);
    has(s, was);
    return s;
  };

  await check(`subscriptions.update ${name}, prorate`, async () => {
    const s = await start();
    has(await update(s.id, { ...to, prorationBehavior: "prorate" }), { ...is, pendingUpdate: null, currentPeriodEnd: s.currentPeriodEnd });
    same(await updates(s), []);
  });

  await check(`subscriptions.update ${name}, invoice`, async () => {
    const s = await start();
    has(await update(s.id, { ...to, prorationBehavior: "invoice" }), { ...is, currentPeriodEnd: s.currentPeriodEnd });
    const [order, ...more] = await updates(s);
    same(more, []);
    ok(order.totalAmount > 0 && order.totalAmount <= is.amount - was.amount, `${order.totalAmount} is due`);
    has(order, { status: "pending", dueAmount: order.totalAmount });
  });

  await check(`subscriptions.update ${name}, next_period`, async () => {
    const s = await start();
    const after = await update(s.id, { ...to, prorationBehavior: "next_period" });
    has(after, was);
    has(after.pendingUpdate, { ...to, appliesAt: s.currentPeriodEnd });
    has(await update(s.id, { pendingUpdate: null }), { ...was, pendingUpdate: null });
    same(await updates(s), []);
  });

  await check(`subscriptions.update ${name}, reset`, async () => {
    const s = await start();
    const after = await update(s.id, { ...to, prorationBehavior: "reset" });
    has(after, is);
    ok(after.currentPeriodStart > s.currentPeriodStart && after.currentPeriodEnd > s.currentPeriodEnd);
    same((await updates(s)).map((o) => o.totalAmount), [is.amount]);
  });

  await check(`subscriptions.update ${name}, the organization's own behaviour`, async () => {
    has(await update((await start()).id, to), { ...is, pendingUpdate: null });
  });
}

await check("subscriptions.update a quantity that is not sold", async () => {
  const s = await subscribe(small);
  has(await throws(SDKError, () => update(s.id, { seats: 2 })), { statusCode: 400 });
  await throws(HTTPValidationError, () => update(s.id, { seats: 0 }));
});

await check("subscriptions.update units, which the SDK does not send", async () => {
  const s = await subscribe(small);
  has(await update(s.id, { units: 3 }), { id: s.id, productId: small.id, amount: 1000 }); // it sends {}, which changes nothing
  has(await request("PATCH", `/v1/subscriptions/${s.id}`, { units: 3 }), { status: 400 });
});

await check("subscriptions.update product and discount", async () => {
  const s = await subscribe(small);
  const after = await update(s.id, { productId: large.id, discountId: half.id, prorationBehavior: "prorate" });
  has(after, { productId: large.id });
  has(after.discount, { id: half.id });
  has(await update(s.id, { discountId: null }), { discount: null });
  has(await plain(s.id, { metadata: { later: true } }), { metadata: { later: true } });
});

await check("subscriptions.update trial", async () => {
  const s = await subscribe(trial);
  same((await update(s.id, { trialEnd: day(s.trialEnd, 7) })).trialEnd, day(s.trialEnd, 7));
  await throws(SDKValidationError, () => update(s.id, { trialEnd: "now" })); // the SDK sends dates only
  has(await plain(s.id, { trial_end: "now" }), { status: "active" });
  same((await ordersOf(s)).map((o) => o.totalAmount), [0, 1000]); // the trial, then the first period
  await throws(HTTPValidationError, () => update(s.id, { trialEnd: new Date("2020-01-01") }));
});

await check("subscriptions.update trial of one that had none", async () => {
  const s = await subscribe(small);
  has(await update(s.id, { trialEnd: day(s.currentPeriodEnd, 5) }), { status: "trialing" });
});

await check("subscriptions.update billing period, sooner and later", async () => {
  const s = await subscribe(small);
  for (const days of [-3, 9]) {
    const to = day(s.currentPeriodEnd, days);
    has(await update(s.id, { currentBillingPeriodEnd: to }), { currentPeriodEnd: to });
  }
  await throws(HTTPValidationError, () => update(s.id, { currentBillingPeriodEnd: new Date("2020-01-01") }));
});

await check("subscriptions.update cancel, with every reason", async () => {
  const s = await subscribe(free);
  const reasons = ["customer_service", "low_quality", "missing_features", "switched_service", "too_complex", "too_expensive", "unused", "other"];
  for (const customerCancellationReason of reasons) {
    const cause = { customerCancellationReason, customerCancellationComment: `Because: ${customerCancellationReason}` };
    has(await update(s.id, { cancelAtPeriodEnd: true, ...cause }), { cancelAtPeriodEnd: true, ...cause });
    has(await update(s.id, { cancelAtPeriodEnd: false }), { cancelAtPeriodEnd: false, endsAt: null });
  }
});

await check("subscriptions.update revoke, with a reason", async () => {
  const s = await subscribe(free);
  has(await update(s.id, { revoke: true, customerCancellationReason: "unused" }), { status: "canceled", customerCancellationReason: "unused" });
  await throws(AlreadyCanceledSubscription, () => update(s.id, { revoke: true }));
});

await check("subscriptions.update pause, then resume", async () => {
  const [bySelf, byHand, back] = [await subscribe(small), await subscribe(small), await subscribe(small)];
  const resumesAt = day(bySelf.currentPeriodEnd, 10);
  has(await update(bySelf.id, { pauseAtPeriodEnd: true, resumesAt }), { status: "active", pauseAtPeriodEnd: true, resumesAt });
  has(await update(byHand.id, { pauseAtPeriodEnd: true }), { pauseAtPeriodEnd: true, resumesAt: null });
  await update(back.id, { pauseAtPeriodEnd: true });
  has(await update(back.id, { pauseAtPeriodEnd: false }), { pauseAtPeriodEnd: false });
  const early = () => update(byHand.id, { resume: true });
  has(await throws(ResponseValidationError, early), { statusCode: 409 }); // it expects another error there

  has(await request("POST", "/v1/test-clock", { now: day(bySelf.currentPeriodStart, 1).toISOString() }), { status: 201 });
  for (const s of [bySelf, byHand, back]) for (const o of await ordersOf(s)) {
    has(await request("POST", `/v1/orders/${o.id}/payments`, { status: "succeeded", amount: o.dueAmount, reference: o.id }), { status: 201 });
  }
  has(await request("POST", "/v1/test-clock/advance", { to: day(bySelf.currentPeriodEnd, 1).toISOString() }), { status: 200 });
  has(await subscriptions.get({ id: bySelf.id }), { status: "paused" });
  has(await subscriptions.get({ id: byHand.id }), { status: "paused" });
  has(await subscriptions.get({ id: back.id }), { status: "active" });
  const paid = await ordersOf(byHand);

  const resumed = await update(byHand.id, { resume: true });
  has(resumed, { status: "active", pauseAtPeriodEnd: false, resumesAt: null });
  ok(resumed.currentPeriodEnd > byHand.currentPeriodEnd);
  same((await ordersOf(byHand)).length, paid.length + 1);

  has(await request("POST", "/v1/test-clock/advance", { to: day(resumesAt, 1).toISOString() }), { status: 200 });
  has(await subscriptions.get({ id: bySelf.id }), { status: "active" });
  has(await request("DELETE", "/v1/test-clock"), { status: 204 });
});

await check("orders.create with an amount, a currency, a description", async () => {
  const book = await products.create({ name: "Book", prices: [usd(2500), { amountType: "fixed", priceAmount: 2200, priceCurrency: "eur" }] });
  has(await orders.create({ customerId, productId: book.id, currency: "eur", organizationId: null }), { totalAmount: 2200, currency: "eur" });
  const named = await orders.create({ customerId, productId: book.id, amount: 1234, description: "For Bea" });
  same(named.items.map((i) => [i.label, i.amount]), [["For Bea", 1234]]);
  await throws(HTTPValidationError, () => orders.create({ customerId, productId: book.id, amount: 1 }));
});

await check("orders.finalize of what costs nothing", async () => {
  const gratis = await products.create({ name: "Gratis", prices: [usd(0)] });
  const { id } = await orders.create({ customerId, productId: gratis.id });
  has(await orders.finalize({ id, orderFinalize: { paymentMethodId: null } }), { status: "paid", paid: true, totalAmount: 0 });
});

await check("refunds.create takes the benefits back", async () => {
  const benefit = await benefits.create({ type: "feature_flag", description: "Early access", properties: {} });
  const pass = await products.create({ name: "Pass", prices: [usd(700)] });
  await products.updateBenefits({ id: pass.id, productBenefitsUpdate: { benefits: [benefit.id] } });
  const { id } = await orders.create({ customerId, productId: pass.id });
  has(await request("POST", `/v1/orders/${id}/finalize`, { collection_method: "send_invoice" }), { status: 200 });
  has(await request("POST", `/v1/orders/${id}/payments`, { status: "succeeded", amount: 700, reference: `paid ${id}` }), { status: 201 });
  const granted = async () => (await benefits.grants({ id: benefit.id, customerId, isGranted: true })).result.items.length;
  same(await granted(), 1);
  const refund = { orderId: id, reason: "other", amount: 700, comment: "Broken", revokeBenefits: true, metadata: { by: "sdk" } };
  const { comment: _, ...shown } = refund; // the SDK does not read it back
  has(await refunds.create(refund), { ...shown, status: "succeeded" });
  same(await granted(), 0);
  has(await throws(Error, () => refunds.create({ ...refund, amount: 1 })), { statusCode: 403 });
});

end();
