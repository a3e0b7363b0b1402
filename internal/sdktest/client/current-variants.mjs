// SDK 1.0.1: every shape of a change to a subscription, and every proration
// behaviour of those that have a price.

import { check, config, day, end, has, ok, request, same, throws } from "./harness.mjs";

const { createPolar, errors } = await import(`polar-sdk-1/${config.version}`);
const { benefits, customers, discounts, orders, products, refunds, subscriptions } = createPolar({ baseUrl: config.url, accessToken: config.token, timeout: 30 });

const invoiced = { collection_method: "send_invoice" };
const plan = (name, price, more) => products.create({ name, recurring_interval: "month", prices: [price], ...more });
const usd = (price_amount) => ({ amount_type: "fixed", price_amount, price_currency: "usd" });
const tiers = (price_per_seat) => ({ tiers: [{ min_seats: 1, max_seats: 10, price_per_seat }] });

const free = await plan("Free of variants", usd(0));
const small = await plan("Small", usd(1000));
const large = await plan("Large", usd(3000));
const trial = await plan("Tried", usd(1000), { trial_interval: "day", trial_interval_count: 7 });
const seats = await plan("By seats", { amount_type: "seat_based", seat_tiers: tiers(500) });
const units = await plan("By units", { amount_type: "unit_based", tiers: { type: "volume", tiers: [{ bound: 20, unit_amount: 200 }] } });
const half = await discounts.create({ type: "percentage", duration: "forever", basis_points: 5000, name: "Half off" });
const { id: customer_id } = await customers.create({ email: "variants@example.com", external_id: "variants" });
const team = await customers.create({ type: "team", name: "Variants", owner: { email: "variants-owner@example.com" } });

const subscribe = (product, customer = customer_id) => subscriptions.create({ product_id: product.id, customer_id: customer, ...invoiced });
const ordersOf = async (s) => (await orders.list({ subscription_id: s.id, sorting: ["created_at"] })).items;
const updates = async (s) => (await ordersOf(s)).filter((o) => o.billing_reason === "subscription_update");

// Each behaviour from the same start: what is there at once, what waits, and
// what is billed now.
for (const [name, from, to, was, is, who] of [
  ["product", small, { product_id: large.id }, { product_id: small.id, amount: 1000 }, { product_id: large.id, amount: 3000 }],
  ["seats", seats, { seats: 4 }, { seats: 1, amount: 500 }, { seats: 4, amount: 2000 }, team.id],
  ["units", units, { units: 7 }, { units: 1, amount: 200 }, { units: 7, amount: 1400 }],
]) {
  const start = async () => {
    const s = await subscribe(from, who);
    has(s, was);
    return s;
  };

  await check(`subscriptions.update ${name}, prorate`, async () => {
    const s = await start();
    const after = await subscriptions.update(s.id, { ...to, proration_behavior: "prorate" });
    has(after, { ...is, pending_update: null, current_period_end: s.current_period_end });
    same(await updates(s), []); // the difference waits for the next order
  });

  await check(`subscriptions.update ${name}, invoice`, async () => {
    const s = await start();
    has(await subscriptions.update(s.id, { ...to, proration_behavior: "invoice", ...invoiced }), { ...is, current_period_end: s.current_period_end });
    const [order, ...more] = await updates(s);
    same(more, []);
    ok(order.total_amount > 0 && order.total_amount <= is.amount - was.amount, `${order.total_amount} is due`);
    has(order, { status: "pending", due_amount: order.total_amount });
  });

  await check(`subscriptions.update ${name}, next_period`, async () => {
    const s = await start();
    const after = await subscriptions.update(s.id, { ...to, proration_behavior: "next_period" });
    has(after, was);
    has(after.pending_update, { ...to, applies_at: s.current_period_end });
    has(await subscriptions.update(s.id, { pending_update: null }), { ...was, pending_update: null });
    same(await updates(s), []);
  });

  await check(`subscriptions.update ${name}, reset`, async () => {
    const s = await start();
    const after = await subscriptions.update(s.id, { ...to, proration_behavior: "reset", ...invoiced });
    has(after, is);
    ok(after.current_period_start > s.current_period_start && after.current_period_end > s.current_period_end);
    same((await updates(s)).map((o) => o.total_amount), [is.amount]); // a whole period, nothing given back
  });

  await check(`subscriptions.update ${name}, the organization's own behaviour`, async () => {
    has(await subscriptions.update((await start()).id, to), { ...is, pending_update: null });
  });
}

await check("subscriptions.update a quantity that is not sold", async () => {
  for (const [product, body] of [[small, { seats: 2 }], [small, { units: 2 }], [units, { units: 21 }]]) {
    const s = await subscribe(product);
    has(await throws(Error, () => subscriptions.update(s.id, body)), { statusCode: 400 });
  }
  const s = await subscribe(units);
  await throws(errors.HTTPValidationError, () => subscriptions.update(s.id, { units: 0 }));
});

await check("subscriptions.update product and discount", async () => {
  const s = await subscribe(small);
  const after = await subscriptions.update(s.id, { product_id: large.id, discount_id: half.id, metadata: { both: true }, proration_behavior: "prorate" });
  has(after, { product_id: large.id, metadata: { both: true } });
  has(after.discount, { id: half.id });
  has(await subscriptions.update(s.id, { discount_id: null }), { discount: null });
});

await check("subscriptions.update trial", async () => {
  const s = await subscribe(trial);
  const longer = day(s.trial_end, 7);
  const after = await subscriptions.update(s.id, { trial_end: longer.toISOString() });
  same(new Date(after.trial_end), longer);
  has(await subscriptions.update(s.id, { trial_end: "now", ...invoiced }), { status: "active" });
  same((await ordersOf(s)).map((o) => o.total_amount), [0, 1000]); // the trial, then the first period
  await throws(errors.HTTPValidationError, () => subscriptions.update(s.id, { trial_end: "2020-01-01T00:00:00Z" }));
});

await check("subscriptions.update trial of one that had none", async () => {
  const s = await subscribe(small);
  const until = day(s.current_period_end, 5).toISOString();
  has(await subscriptions.update(s.id, { trial_end: until }), { status: "trialing" });
});

await check("subscriptions.update billing period, sooner and later", async () => {
  const s = await subscribe(small);
  for (const days of [-3, 9]) {
    const to = day(s.current_period_end, days);
    same(new Date((await subscriptions.update(s.id, { current_billing_period_end: to.toISOString() })).current_period_end), to);
  }
  await throws(errors.HTTPValidationError, () => subscriptions.update(s.id, { current_billing_period_end: "2020-01-01T00:00:00Z" }));
});

await check("subscriptions.update cancel, with every reason", async () => {
  const s = await subscribe(free);
  const reasons = ["customer_service", "low_quality", "missing_features", "switched_service", "too_complex", "too_expensive", "unused", "other"];
  for (const customer_cancellation_reason of reasons) {
    const cause = { customer_cancellation_reason, customer_cancellation_comment: `Because: ${customer_cancellation_reason}` };
    has(await subscriptions.update(s.id, { cancel_at_period_end: true, ...cause }), { cancel_at_period_end: true, ...cause });
    has(await subscriptions.update(s.id, { cancel_at_period_end: false }), { cancel_at_period_end: false, ends_at: null });
  }
});

await check("subscriptions.update revoke, with a reason", async () => {
  const s = await subscribe(free);
  has(await subscriptions.update(s.id, { revoke: true, customer_cancellation_reason: "unused" }), { status: "canceled", customer_cancellation_reason: "unused" });
  await throws(errors.SubscriptionsUpdate403Error, () => subscriptions.update(s.id, { revoke: true }));
});

await check("subscriptions.update pause, then resume", async () => {
  const [bySelf, byHand, back] = [await subscribe(small), await subscribe(small), await subscribe(small)];
  const resumes = day(bySelf.current_period_end, 10);
  const pausing = await subscriptions.update(bySelf.id, { pause_at_period_end: true, resumes_at: resumes.toISOString() });
  has(pausing, { status: "active", pause_at_period_end: true });
  same(new Date(pausing.resumes_at), resumes);
  has(await subscriptions.update(byHand.id, { pause_at_period_end: true }), { pause_at_period_end: true, resumes_at: null });
  await subscriptions.update(back.id, { pause_at_period_end: true });
  has(await subscriptions.update(back.id, { pause_at_period_end: false }), { pause_at_period_end: false });
  await throws(errors.SubscriptionsUpdate409Error, () => subscriptions.update(byHand.id, { resume: true }));

  has(await request("POST", "/v1/test-clock", { now: day(bySelf.current_period_start, 1).toISOString() }), { status: 201 });
  for (const s of [bySelf, byHand, back]) for (const o of await ordersOf(s)) {
    has(await request("POST", `/v1/orders/${o.id}/payments`, { status: "succeeded", amount: o.due_amount, reference: o.id }), { status: 201 });
  }
  has(await request("POST", "/v1/test-clock/advance", { to: day(bySelf.current_period_end, 1).toISOString() }), { status: 200 });
  has(await subscriptions.get(bySelf.id), { status: "paused" });
  has(await subscriptions.get(byHand.id), { status: "paused" });
  has(await subscriptions.get(back.id), { status: "active" });
  const paid = await ordersOf(byHand);

  const resumed = await subscriptions.update(byHand.id, { resume: true });
  has(resumed, { status: "active", pause_at_period_end: false, resumes_at: null });
  ok(resumed.current_period_end > byHand.current_period_end);
  same((await ordersOf(byHand)).length, paid.length + 1);
  await throws(errors.SubscriptionsUpdate409Error, () => subscriptions.update(byHand.id, { resume: true }));

  has(await request("POST", "/v1/test-clock/advance", { to: day(resumes, 1).toISOString() }), { status: 200 });
  has(await subscriptions.get(bySelf.id), { status: "active" });
  has(await request("DELETE", "/v1/test-clock"), { status: 204 });
});

await check("orders.create with an amount, a currency, a description", async () => {
  const book = await products.create({ name: "Book", prices: [usd(2500), { amount_type: "fixed", price_amount: 2200, price_currency: "eur" }] });
  has(await orders.create({ customer_id, product_id: book.id, currency: "eur", organization_id: null }), { total_amount: 2200, currency: "eur" });
  const named = await orders.create({ customer_id, product_id: book.id, amount: 1234, description: "For Bea" });
  same(named.items.map((i) => [i.label, i.amount]), [["For Bea", 1234]]);
  await throws(errors.HTTPValidationError, () => orders.create({ customer_id, product_id: book.id, amount: 1 }));
  const gift = await products.create({ name: "Gift", prices: [{ amount_type: "custom", minimum_amount: 100 }] });
  await throws(errors.HTTPValidationError, () => orders.create({ customer_id, product_id: gift.id, amount: 500 }));
});

await check("orders.finalize of what costs nothing", async () => {
  const gratis = await products.create({ name: "Gratis", prices: [usd(0)] });
  const { id } = await orders.create({ customer_id, product_id: gratis.id });
  has(await orders.finalize(id, { payment_method_id: null }), { status: "paid", paid: true, total_amount: 0 });
});

await check("refunds.create takes the benefits back", async () => {
  const benefit = await benefits.create({ type: "feature_flag", description: "Early access", properties: {} });
  const pass = await products.create({ name: "Pass", prices: [usd(700)] });
  await products.updateBenefits(pass.id, { benefits: [benefit.id] });
  const { id } = await orders.create({ customer_id, product_id: pass.id });
  await orders.finalize(id, invoiced);
  has(await request("POST", `/v1/orders/${id}/payments`, { status: "succeeded", amount: 700, reference: `paid ${id}` }), { status: 201 });
  const granted = async () => (await benefits.grants(benefit.id, { customer_id, is_granted: true })).items.length;
  same(await granted(), 1);
  const refund = { order_id: id, reason: "other", amount: 700, comment: "Broken", revoke_benefits: true, metadata: { by: "sdk" } };
  const { comment: _, ...shown } = refund; // which no answer has
  has(await refunds.create(refund), { ...shown, status: "succeeded" });
  same(await granted(), 0);
  has(await throws(Error, () => refunds.create({ ...refund, amount: 1 })), { statusCode: 403 });
});

end();
