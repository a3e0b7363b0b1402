// SDK 0.49.0: what can be sold and granted: products, discounts, benefits.

import { Polar } from "polar-sdk-0";
import { HTTPValidationError } from "polar-sdk-0/models/errors/httpvalidationerror.js";
import { ResourceNotFound } from "polar-sdk-0/models/errors/resourcenotfound.js";
import { SDKError } from "polar-sdk-0/models/errors/sdkerror.js";
import { check, collect, config, end, has, ok, same, throws } from "./harness.mjs";

const client = (accessToken) => new Polar({ serverURL: config.url, accessToken });
const { benefits, discounts, products } = client(config.token);
const other = client(config.other.token);
const nobody = "00000000-0000-4000-8000-000000000000";

const items = async (page) => (await page).result.items;
const pages = async (page) => (await collect(await page)).map((p) => p.result.items);
const ids = (list) => list.map((x) => x.id);
const problems = async (call) => (await throws(HTTPValidationError, call)).detail;

// --- benefits ---

let note, flag, keys;

await check("benefits.create custom", async () => {
  note = await benefits.create({ type: "custom", description: "A note", properties: { note: "Write to help@example.com" }, metadata: { kind: "note" } });
  has(note, {
    type: "custom", description: "A note", selectable: true, deletable: true, isDeleted: false, modifiedAt: null,
    organizationId: config.organization.id, metadata: { kind: "note" }, properties: { note: "Write to help@example.com" },
  });
});

await check("benefits.create feature_flag", async () => {
  flag = await benefits.create({ type: "feature_flag", description: "Beta", properties: {}, metadata: { flag: true } });
  has(flag, { type: "feature_flag", metadata: { flag: true } });
});

await check("benefits.create license_keys", async () => {
  keys = await benefits.create({
    type: "license_keys", description: "A key",
    properties: { prefix: "acme", expires: { ttl: 1, timeframe: "year" }, activations: { limit: 2, enableCustomerAdmin: true }, limitUsage: 10 },
  });
  has(keys.properties, { prefix: "acme", expires: { ttl: 1, timeframe: "year" }, activations: { limit: 2, enableCustomerAdmin: true }, limitUsage: 10 });
});

await check("benefits.create meter_credit", async () => {
  const credit = await benefits.create({ type: "meter_credit", description: "Credit", properties: { units: 100, rollover: false, meterId: config.meter } });
  has(credit.properties, { units: 100, rollover: false, meterId: config.meter });
});

await check("benefits.create of what is not connected", async () => {
  const bodies = [
    { type: "discord", properties: { guildToken: "x", roleId: "1", kickMember: false } },
    { type: "github_repository", properties: { repositoryOwner: "acme", repositoryName: "app", permission: "pull" } },
    { type: "downloadables", properties: { files: [nobody] } },
    { type: "meter_credit", properties: { units: 1, rollover: false, meterId: nobody } },
  ];
  for (const body of bodies) ok((await problems(() => benefits.create({ description: "Refused", ...body }))).length > 0, body.type);
});

await check("benefits.get", async () => {
  same(await benefits.get({ id: note.id }), note);
  await throws(ResourceNotFound, () => other.benefits.get({ id: note.id }));
});

await check("benefits.list", async () => {
  same(await items(benefits.list({ sorting: ["created_at"], limit: 3 })), [note, flag, keys]);
  same(ids(await items(benefits.list({ typeFilter: ["custom", "license_keys"] }))), [keys.id, note.id]);
  same(ids(await items(benefits.list({ query: "BET" }))), [flag.id]);
  same(await items(benefits.list({ organizationId: config.other.id })), []);
  same((await pages(benefits.list({ limit: 1, sorting: ["description"] }))).flat().map((b) => b.description), ["A key", "A note", "Beta", "Credit"]);
});

await check("benefits.update", async () => {
  note = await benefits.update({ id: note.id, requestBody: { type: "custom", description: "A better note", properties: { note: "Call us" } } });
  has(note, { description: "A better note", properties: { note: "Call us" } });
  ok(note.modifiedAt instanceof Date);
  await throws(ResourceNotFound, () => benefits.update({ id: nobody, requestBody: { type: "custom" } }));
});

// --- products ---

const usd = (priceAmount) => ({ amountType: "fixed", priceAmount, priceCurrency: "usd" });
let monthly, free, once;

await check("products.create recurring, fixed, in two currencies", async () => {
  monthly = await products.create({
    name: "Pro", description: "Everything.", recurringInterval: "month", trialInterval: "day", trialIntervalCount: 14,
    prices: [usd(1000), { amountType: "fixed", priceAmount: 900, priceCurrency: "eur" }], metadata: { tier: "pro" },
  });
  has(monthly, {
    name: "Pro", description: "Everything.", isRecurring: true, isArchived: false, recurringInterval: "month", recurringIntervalCount: 1,
    trialInterval: "day", trialIntervalCount: 14, organizationId: config.organization.id, benefits: [], medias: [], attachedCustomFields: [],
    metadata: { tier: "pro" }, modifiedAt: null,
  });
  same(monthly.prices.map((p) => [p.amountType, p.priceAmount, p.priceCurrency]), [["fixed", 1000, "usd"], ["fixed", 900, "eur"]]);
});

await check("products.create free", async () => {
  free = await products.create({ name: "Free", recurringInterval: "year", recurringIntervalCount: 2, prices: [usd(0)] });
  has(free, { recurringInterval: "year", recurringIntervalCount: 2, trialInterval: null });
});

await check("products.create one-time, custom", async () => {
  once = await products.create({ name: "Donation", prices: [{ amountType: "custom", minimumAmount: 100, maximumAmount: 10000, presetAmount: 500 }] });
  has(once, { isRecurring: false, recurringInterval: null });
  has(once.prices[0], { amountType: "custom", minimumAmount: 100, maximumAmount: 10000, presetAmount: 500 });
});

await check("products.create seat_based", async () => {
  const tiers = [{ minSeats: 1, maxSeats: 9, pricePerSeat: 1000 }, { minSeats: 10, maxSeats: null, pricePerSeat: 800 }];
  const p = await products.create({ name: "Seats", recurringInterval: "month", prices: [{ amountType: "seat_based", seatTiers: { seatTierType: "graduated", tiers } }] });
  has(p.prices[0], { amountType: "seat_based" });
  same(p.prices[0].seatTiers.tiers, tiers);
});

await check("products.create metered_unit", async () => {
  const p = await products.create({
    name: "Usage", recurringInterval: "month", prices: [usd(500), { amountType: "metered_unit", meterId: config.meter, unitAmount: "0.25", capAmount: 5000 }],
  });
  const metered = p.prices.find((x) => x.amountType === "metered_unit");
  has(metered, { meterId: config.meter, capAmount: 5000 });
  same(Number(metered.unitAmount), 0.25);
});

await check("products.create problems", async () => {
  ok((await problems(() => products.create({ name: "x", prices: [usd(1000)] }))).length > 0);
  ok((await problems(() => products.create({ name: "Too little", prices: [usd(10)] }))).length > 0);
  has(await throws(SDKError, () => client(config.readToken).products.create({ name: "Forbidden", prices: [usd(1000)] })), { statusCode: 403 });
});

await check("products.get", async () => {
  same(await products.get({ id: monthly.id }), monthly);
  await throws(ResourceNotFound, () => other.products.get({ id: monthly.id }));
});

await check("products.updateBenefits", async () => {
  monthly = await products.updateBenefits({ id: monthly.id, productBenefitsUpdate: { benefits: [keys.id, note.id] } });
  same(monthly.benefits, [keys, note]);
  ok((await problems(() => products.updateBenefits({ id: monthly.id, productBenefitsUpdate: { benefits: [nobody] } }))).length > 0);
  await throws(ResourceNotFound, () => products.updateBenefits({ id: nobody, productBenefitsUpdate: { benefits: [] } }));
});

await check("products.list", async () => {
  const names = async (query) => (await items(products.list(query))).map((p) => p.name);
  same(await names({ sorting: ["name"] }), ["Donation", "Free", "Pro", "Seats", "Usage"]);
  same(await names({ isRecurring: false }), ["Donation"]);
  same(await names({ benefitId: note.id }), ["Pro"]);
  same(await names({ query: "EAT" }), ["Seats"]);
  same(await names({ metadata: { tier: "pro" } }), ["Pro"]);
  same(await names({ id: [free.id, once.id], sorting: ["-name"] }), ["Free", "Donation"]);
  same(await names({ organizationId: config.other.id }), []);
  same((await pages(products.list({ limit: 2, sorting: ["price_amount"] }))).flat().length, 5);
});

await check("products.update", async () => {
  const kept = monthly.prices.find((p) => p.priceCurrency === "usd");
  monthly = await products.update({
    id: monthly.id,
    productUpdate: {
      name: "Pro 2", description: null, metadata: { tier: "pro", year: 2 },
      prices: [{ id: kept.id }, { amountType: "fixed", priceAmount: 1100, priceCurrency: "eur" }],
    },
  });
  has(monthly, { name: "Pro 2", description: null, metadata: { tier: "pro", year: 2 } });
  ok(monthly.prices.some((p) => p.id === kept.id) && monthly.prices.some((p) => p.priceAmount === 1100));
  await throws(ResourceNotFound, () => products.update({ id: nobody, productUpdate: { name: "None" } }));
});

await check("products.update archives", async () => {
  has(await products.update({ id: once.id, productUpdate: { isArchived: true } }), { isArchived: true });
  same(ids(await items(products.list({ isArchived: true }))), [once.id]);
});

// --- discounts ---

let tenth, fixed;

await check("discounts.create percentage", async () => {
  tenth = await discounts.create({ type: "percentage", duration: "forever", basisPoints: 1000, name: "A tenth", code: "TENTH", maxRedemptions: 5, metadata: { a: 1 } });
  has(tenth, { type: "percentage", duration: "forever", basisPoints: 1000, code: "TENTH", maxRedemptions: 5, redemptionsCount: 0, products: [], metadata: { a: 1 } });
});

await check("discounts.create fixed, repeating, of one product", async () => {
  fixed = await discounts.create({
    type: "fixed", duration: "repeating", durationInMonths: 3, amounts: { usd: 200, eur: 150 }, name: "Two off", products: [monthly.id],
    startsAt: new Date("2020-01-01"), endsAt: new Date("2099-01-01"),
  });
  has(fixed, { type: "fixed", duration: "repeating", durationInMonths: 3, amounts: { usd: 200, eur: 150 }, code: null });
  same(ids(fixed.products), [monthly.id]);
});

await check("discounts.create once, of an amount", async () => {
  has(await discounts.create({ type: "fixed", duration: "once", amount: 300, currency: "usd", name: "Once" }), { amounts: { usd: 300 }, duration: "once" });
});

await check("discounts.create problems", async () => {
  ok((await problems(() => discounts.create({ type: "percentage", duration: "once", basisPoints: 1000, name: "Again", code: "tenth" }))).length > 0);
});

await check("discounts.get", async () => {
  same(await discounts.get({ id: fixed.id }), fixed);
  await throws(ResourceNotFound, () => other.discounts.get({ id: fixed.id }));
});

await check("discounts.list", async () => {
  const names = async (query) => (await items(discounts.list(query))).map((d) => d.name);
  same(await names({ sorting: ["name"] }), ["A tenth", "Once", "Two off"]);
  same(await names({ query: "tent" }), ["A tenth"]);
  same((await pages(discounts.list({ limit: 2 }))).flat().map((d) => d.name), ["Once", "Two off", "A tenth"]);
});

await check("discounts.update", async () => {
  tenth = await discounts.update({ id: tenth.id, discountUpdate: { name: "A fifth", basisPoints: 2000, code: "FIFTH", products: [monthly.id] } });
  has(tenth, { name: "A fifth", basisPoints: 2000, code: "FIFTH" });
  await throws(ResourceNotFound, () => discounts.update({ id: nobody, discountUpdate: { name: "None" } }));
});

await check("discounts.delete", async () => {
  same(await discounts.delete({ id: tenth.id }), undefined);
  await throws(ResourceNotFound, () => discounts.get({ id: tenth.id }));
});

await check("benefits.delete", async () => {
  same(await benefits.delete({ id: note.id }), undefined);
  same(ids((await products.get({ id: monthly.id })).benefits), [keys.id]);
  await throws(ResourceNotFound, () => benefits.delete({ id: note.id }));
});

end();
