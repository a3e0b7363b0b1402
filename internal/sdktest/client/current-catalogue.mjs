// SDK 1.0.1: what can be sold and granted: products, discounts, benefits.

import { PolarClientError } from "polar-sdk-1";
import { check, collect, config, end, has, ok, same, throws } from "./harness.mjs";

const { createPolar, errors } = await import(`polar-sdk-1/${config.version}`);

const client = (accessToken) => createPolar({ baseUrl: config.url, accessToken, timeout: 30 });
const { benefits, discounts, products, subscriptions, customers } = client(config.token);
const other = client(config.other.token);
const reader = client(config.readToken);
const nobody = "00000000-0000-4000-8000-000000000000";

const ids = (list) => list.map((x) => x.id);
const problems = async (call) => {
  const error = await throws(errors.HTTPValidationError, call);
  has(error, { statusCode: 422 });
  return error.error.detail;
};

// --- benefits ---

let note, flag, keys;

await check("benefits.create custom", async () => {
  note = await benefits.create({ type: "custom", description: "A note", properties: { note: "Write to help@example.com" }, metadata: { kind: "note" } });
  has(note, {
    type: "custom", description: "A note", selectable: true, deletable: true, is_deleted: false, visibility: "public", modified_at: null,
    organization_id: config.organization.id, metadata: { kind: "note" }, properties: { note: "Write to help@example.com" },
  });
});

await check("benefits.create feature_flag", async () => {
  flag = await benefits.create({ type: "feature_flag", description: "Beta", properties: {}, metadata: { flag: true } });
  has(flag, { type: "feature_flag", properties: {}, metadata: { flag: true } });
});

await check("benefits.create license_keys", async () => {
  keys = await benefits.create({
    type: "license_keys", description: "A key",
    properties: { prefix: "acme", expires: { ttl: 1, timeframe: "year" }, activations: { limit: 2, enable_customer_admin: true }, limit_usage: 10 },
  });
  has(keys.properties, { prefix: "acme", expires: { ttl: 1, timeframe: "year" }, activations: { limit: 2, enable_customer_admin: true }, limit_usage: 10 });
});

await check("benefits.create meter_credit", async () => {
  const credit = await benefits.create({ type: "meter_credit", description: "Credit", properties: { units: 100, rollover: false, meter_id: config.meter } });
  has(credit.properties, { units: 100, rollover: false, meter_id: config.meter });
});

await check("benefits.create of what is not connected", async () => {
  const bodies = [
    { type: "discord", properties: { guild_token: "x", role_id: "1", kick_member: false } },
    { type: "github_repository", properties: { repository_owner: "acme", repository_name: "app", permission: "pull" } },
    { type: "downloadables", properties: { files: [nobody] } },
    { type: "meter_credit", properties: { units: 1, rollover: false, meter_id: nobody } },
  ];
  for (const body of bodies) ok((await problems(() => benefits.create({ description: "Refused", ...body }))).length > 0, body.type);
});

await check("benefits.get", async () => {
  same(await benefits.get(note.id), note);
  await throws(errors.ResourceNotFound, () => other.benefits.get(note.id));
});

await check("benefits.list", async () => {
  same((await benefits.list({ sorting: ["created_at"], limit: 3 })).items, [note, flag, keys]);
  same(ids((await benefits.list({ type: ["custom", "license_keys"] })).items), [keys.id, note.id]);
  same(ids((await benefits.list({ query: "BET" })).items), [flag.id]);
  same(ids((await benefits.list({ id: [flag.id, note.id], sorting: ["user_order"] })).items), [flag.id, note.id]);
  same((await benefits.list({ exclude_id: [note.id], metadata: { kind: "note" } })).items, []);
  same((await benefits.list({ organization_id: config.other.id })).items, []);
  same((await collect(benefits.iterList({ limit: 1, sorting: ["description"] }))).map((b) => b.description), ["A key", "A note", "Beta", "Credit"]);
});

await check("benefits.update", async () => {
  note = await benefits.update(note.id, { type: "custom", description: "A better note", properties: { note: "Call us" } });
  has(note, { description: "A better note", properties: { note: "Call us" } });
  ok(note.modified_at !== null);
  has(await benefits.update(flag.id, { type: "feature_flag", metadata: { flag: false } }), { description: "Beta", metadata: { flag: false } });
  await throws(errors.ResourceNotFound, () => benefits.update(nobody, { type: "custom" }));
});

await check("benefits.files", async () => {
  // Files cannot be uploaded, so there is no benefit that has any.
  await throws(errors.ResourceNotFound, () => benefits.files(note.id));
  await throws(errors.ResourceNotFound, () => collect(benefits.iterFiles(nobody)));
});

// --- products ---

const usd = (price_amount) => ({ amount_type: "fixed", price_amount, price_currency: "usd" });
let monthly, free, once;

await check("products.create recurring, fixed, in two currencies", async () => {
  monthly = await products.create({
    name: "Pro", description: "Everything.", recurring_interval: "month", trial_interval: "day", trial_interval_count: 14,
    prices: [usd(1000), { amount_type: "fixed", price_amount: 900, price_currency: "eur" }], metadata: { tier: "pro" },
  });
  has(monthly, {
    name: "Pro", description: "Everything.", is_recurring: true, is_archived: false, recurring_interval: "month", recurring_interval_count: 1,
    trial_interval: "day", trial_interval_count: 14, organization_id: config.organization.id, benefits: [], medias: [], attached_custom_fields: [],
    metadata: { tier: "pro" }, visibility: "public", modified_at: null,
  });
  same(monthly.prices.map((p) => [p.amount_type, p.price_amount, p.price_currency]), [["fixed", 1000, "usd"], ["fixed", 900, "eur"]]);
});

await check("products.create free", async () => {
  free = await products.create({ name: "Free", recurring_interval: "year", recurring_interval_count: 2, prices: [usd(0)] });
  has(free, { recurring_interval: "year", recurring_interval_count: 2, trial_interval: null });
});

await check("products.create one-time, custom", async () => {
  once = await products.create({
    name: "Donation", prices: [{ amount_type: "custom", minimum_amount: 100, maximum_amount: 10000, preset_amount: 500 }], visibility: "private",
  });
  has(once, { is_recurring: false, recurring_interval: null, visibility: "private" });
  has(once.prices[0], { amount_type: "custom", minimum_amount: 100, maximum_amount: 10000, preset_amount: 500 });
});

await check("products.create seat_based", async () => {
  const tiers = [{ min_seats: 1, max_seats: 9, price_per_seat: 1000 }, { min_seats: 10, max_seats: null, price_per_seat: 800 }];
  const p = await products.create({ name: "Seats", recurring_interval: "month", prices: [{ amount_type: "seat_based", seat_tiers: { seat_tier_type: "graduated", tiers } }] });
  has(p.prices[0], { amount_type: "seat_based" });
  has(p.prices[0].seat_tiers, { seat_tier_type: "graduated", tiers, minimum_seats: 1, maximum_seats: null });
});

await check("products.create unit_based", async () => {
  const tiers = { type: "volume", tiers: [{ bound: 10, unit_amount: 100 }, { bound: null, unit_amount: 80 }] };
  const p = await products.create({ name: "Units", recurring_interval: "month", prices: [{ amount_type: "unit_based", tiers, minimum_units: 2 }] });
  has(p.prices[0], { amount_type: "unit_based", minimum_units: 2, maximum_units: null });
});

await check("products.create metered_unit", async () => {
  const p = await products.create({
    name: "Usage", recurring_interval: "month", prices: [usd(500), { amount_type: "metered_unit", meter_id: config.meter, unit_amount: "0.25", cap_amount: 5000 }],
  });
  const metered = p.prices.find((x) => x.amount_type === "metered_unit");
  has(metered, { meter_id: config.meter, cap_amount: 5000 });
  same(Number(metered.unit_amount), 0.25);
});

await check("products.create problems", async () => {
  ok((await problems(() => products.create({ name: "x", prices: [usd(1000)] }))).length > 0);
  ok((await problems(() => products.create({ name: "Two prices", prices: [usd(1000), usd(2000)] }))).length > 0);
  ok((await problems(() => products.create({ name: "Too little", prices: [usd(10)] }))).length > 0);
  ok((await problems(() => products.create({ name: "No price", prices: [] }))).length > 0);
  has(await throws(PolarClientError, () => reader.products.create({ name: "Forbidden", prices: [usd(1000)] })), { statusCode: 403 });
});

await check("products.get", async () => {
  same(await products.get(monthly.id), monthly);
  await throws(errors.ResourceNotFound, () => other.products.get(monthly.id));
});

await check("products.updateBenefits", async () => {
  monthly = await products.updateBenefits(monthly.id, { benefits: [keys.id, note.id] });
  same(monthly.benefits, [keys, note]);
  ok((await problems(() => products.updateBenefits(monthly.id, { benefits: [nobody] }))).length > 0);
  await throws(errors.ResourceNotFound, () => products.updateBenefits(nobody, { benefits: [] }));
});

await check("products.list", async () => {
  const names = async (query) => (await products.list(query)).items.map((p) => p.name);
  same(await names({ sorting: ["name"] }), ["Donation", "Free", "Pro", "Seats", "Units", "Usage"]);
  same(await names({ sorting: ["-created_at"], limit: 2 }), ["Usage", "Units"]);
  same(await names({ is_recurring: false }), ["Donation"]);
  same(await names({ visibility: ["private"] }), ["Donation"]);
  same(await names({ benefit_id: note.id }), ["Pro"]);
  same(await names({ query: "EAT" }), ["Seats"]);
  same(await names({ metadata: { tier: "pro" } }), ["Pro"]);
  same(await names({ id: [free.id, once.id], sorting: ["name"] }), ["Donation", "Free"]);
  same(await names({ organization_id: config.other.id }), []);
  same((await collect(products.iterList({ limit: 2, sorting: ["price_amount"] }))).length, 6);
  has((await products.list({ limit: 4 })).pagination, { total_count: 6, max_page: 2 });
});

await check("products.update", async () => {
  const kept = monthly.prices.find((p) => p.price_currency === "usd");
  monthly = await products.update(monthly.id, {
    name: "Pro 2", description: null, metadata: { tier: "pro", year: 2 },
    prices: [{ id: kept.id }, { amount_type: "fixed", price_amount: 1100, price_currency: "eur" }],
  });
  has(monthly, { name: "Pro 2", description: null, metadata: { tier: "pro", year: 2 } });
  same(monthly.prices.map((p) => p.price_amount).sort(), [1000, 1100]);
  ok(monthly.prices.some((p) => p.id === kept.id));
  await throws(errors.ResourceNotFound, () => products.update(nobody, { name: "None" }));
});

await check("products.update archives", async () => {
  has(await products.update(once.id, { is_archived: true }), { is_archived: true });
  same(ids((await products.list({ is_archived: true })).items), [once.id]);
  has(await products.update(once.id, { is_archived: false }), { is_archived: false });
});

await check("products.delete", async () => {
  const p = await products.create({ name: "Mistake", prices: [usd(1000)] });
  same(await products.delete(p.id), undefined);
  await throws(errors.ResourceNotFound, () => products.get(p.id));
  const c = await customers.create({ email: "keeps@example.com" });
  await subscriptions.create({ product_id: free.id, customer_id: c.id });
  await throws(errors.ProductNotDeletable, () => products.delete(free.id));
});

// --- discounts ---

let tenth, fixed;

await check("discounts.create percentage", async () => {
  tenth = await discounts.create({ type: "percentage", duration: "forever", basis_points: 1000, name: "A tenth", code: "TENTH", max_redemptions: 5, metadata: { a: 1 } });
  has(tenth, { type: "percentage", duration: "forever", basis_points: 1000, code: "TENTH", max_redemptions: 5, redemptions_count: 0, products: [], metadata: { a: 1 } });
});

await check("discounts.create fixed, repeating, of one product", async () => {
  fixed = await discounts.create({
    type: "fixed", duration: "repeating", duration_in_months: 3, amounts: { usd: 200, eur: 150 }, name: "Two off", products: [monthly.id],
    starts_at: "2020-01-01T00:00:00Z", ends_at: "2099-01-01T00:00:00Z",
  });
  has(fixed, { type: "fixed", duration: "repeating", duration_in_months: 3, amounts: { usd: 200, eur: 150 }, code: null });
  same(ids(fixed.products), [monthly.id]);
});

await check("discounts.create once, of an amount", async () => {
  has(await discounts.create({ type: "fixed", duration: "once", amount: 300, currency: "usd", name: "Once" }), { amounts: { usd: 300 }, duration: "once" });
});

await check("discounts.create problems", async () => {
  ok((await problems(() => discounts.create({ type: "percentage", duration: "once", basis_points: 1000, name: "Again", code: "tenth" }))).length > 0);
  ok((await problems(() => discounts.create({ type: "percentage", duration: "repeating", basis_points: 1000, name: "No months" }))).length > 0);
  ok((await problems(() => discounts.create({ type: "percentage", duration: "once", basis_points: 20000, name: "Too much" }))).length > 0);
});

await check("discounts.get", async () => {
  same(await discounts.get(fixed.id), fixed);
  await throws(errors.ResourceNotFound, () => other.discounts.get(fixed.id));
});

await check("discounts.list", async () => {
  const names = async (query) => (await discounts.list(query)).items.map((d) => d.name);
  same(await names({ sorting: ["name"] }), ["A tenth", "Once", "Two off"]);
  same(await names({ query: "tent" }), ["A tenth"]);
  same(await names({ organization_id: config.other.id }), []);
  same((await collect(discounts.iterList({ limit: 2 }))).map((d) => d.name), ["Once", "Two off", "A tenth"]);
});

await check("discounts.update", async () => {
  tenth = await discounts.update(tenth.id, { name: "A fifth", basis_points: 2000, code: "FIFTH", products: [monthly.id] });
  has(tenth, { name: "A fifth", basis_points: 2000, code: "FIFTH" });
  same(ids(tenth.products), [monthly.id]);
  await throws(errors.ResourceNotFound, () => discounts.update(nobody, { name: "None" }));
});

await check("discounts.delete", async () => {
  same(await discounts.delete(tenth.id), undefined);
  await throws(errors.ResourceNotFound, () => discounts.get(tenth.id));
  await throws(errors.ResourceNotFound, () => discounts.delete(tenth.id));
});

await check("benefits.delete", async () => {
  same(await benefits.delete(note.id), undefined);
  same(ids((await products.get(monthly.id)).benefits), [keys.id]);
  await throws(errors.ResourceNotFound, () => benefits.delete(note.id));
});

end();
