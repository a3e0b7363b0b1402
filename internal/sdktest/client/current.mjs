// SDK 1.0.1, by one of its versions of the API: everything it can do with
// customers, members, sessions and organizations.

import { PolarClientError } from "polar-sdk-1";
import { address, awkward, check, collect, config, customerKeys, end, has, ok, same, throws } from "./harness.mjs";

const { createPolar, errors } = await import(`polar-sdk-1/${config.version}`);

const client = (accessToken, organizationId) => createPolar({ baseUrl: config.url, accessToken, organizationId, timeout: 30 });
const polar = client(config.token);
const other = client(config.other.token);
const user = client(config.userToken);
const { customers, customerSessions: sessions, organizations } = polar;
const { members } = customers;
const nobody = "00000000-0000-4000-8000-000000000000";

// --- customers ---

let anna, team;

await check("customers.create individual", async () => {
  anna = await customers.create({
    email: "Anna@Example.COM", name: " Anna Martin ", external_id: "user_1", locale: "fr-fr", tax_id: "FR 61 954 506 077",
    metadata: { plan: "pro", seats: 3, ratio: 0.5, active: true },
    billing_address: { line1: address.line1, postal_code: address.postal_code, city: address.city, country: "FR" },
  });
  same(Object.keys(anna), customerKeys);
  has(anna, {
    type: "individual", email: "Anna@example.com", email_verified: false, name: "Anna Martin", billing_name: "Anna Martin",
    external_id: "user_1", locale: "fr-FR", tax_id: ["FR61954506077", "eu_vat"], billing_address: address,
    metadata: { plan: "pro", seats: 3, ratio: 0.5, active: true }, organization_id: config.organization.id,
    modified_at: null, deleted_at: null, default_payment_method_id: null, first_user_event_at: null,
  });
  ok(anna.avatar_url.startsWith("https://"));
});

await check("customers.create with the least", async () => {
  const least = await customers.create({ email: "least@example.com" });
  has(least, { type: "individual", name: null, billing_name: null, external_id: null, metadata: {}, tax_id: null, billing_address: null });
});

await check("customers.create individual with owner", async () => {
  const c = await customers.create({ type: "individual", email: "with-owner@example.com", owner: { email: "boss@example.com", name: "Boss", external_id: "boss" } });
  const { items } = await members.list(c.id);
  same(items.length, 1);
  has(items[0], { email: "boss@example.com", name: "Boss", external_id: "boss", role: "owner", customer_id: c.id });
});

await check("customers.create team with owner", async () => {
  team = await customers.create({ type: "team", name: "Team", external_id: "team/1", owner: { email: "owner@example.com", name: "Olga", external_id: "o/1" } });
  has(team, { type: "team", email: null, name: "Team" });
});

await check("customers.create team with an address of its own", async () => {
  const c = await customers.create({ type: "team", email: "team@example.com", name: "Two" });
  has((await members.list(c.id)).items[0], { email: "team@example.com", role: "owner" });
});

await check("customers.get", async () => same(await customers.get(anna.id), anna));
await check("customers.getExternal", async () => same(await customers.getExternal("user_1"), anna));

await check("a base URL that ends in a slash", async () => {
  const slash = createPolar({ baseUrl: config.url + "/", accessToken: config.token });
  same(await slash.customers.get(anna.id), anna);
  same((await slash.customers.list({ email: anna.email })).items, [anna]);
});

await check("customers.update", async () => {
  anna = await customers.update(anna.id, {
    name: "Anna", metadata: { plan: "free" },
    billing_address: { line1: "1 Market St", city: "San Francisco", state: "CA", postal_code: "94105", country: "US" }, tax_id: null,
  });
  has(anna, { name: "Anna", metadata: { plan: "free" }, tax_id: null, email: "Anna@example.com", external_id: "user_1" });
  has(anna.billing_address, { state: "US-CA", country: "US" });
  ok(anna.modified_at !== null);
  same(await customers.get(anna.id), anna);
});

await check("customers.updateExternal", async () => {
  anna = await customers.updateExternal("user_1", { email: "anna.m@example.com", locale: null });
  has(anna, { email: "anna.m@example.com", locale: null, name: "Anna" });
});

await check("customers.getState", async () => {
  const state = await customers.getState(anna.id);
  same(Object.keys(state), [...customerKeys, "active_subscriptions", "granted_benefits", "active_meters"]);
  has(state, { id: anna.id, active_subscriptions: [], granted_benefits: [], active_meters: [] });
});

await check("customers.getStateExternal", async () => has(await customers.getStateExternal("team/1"), { id: team.id, type: "team", email: null }));

await check("customers.listPaymentMethods", async () => {
  same(await customers.listPaymentMethods(anna.id), { items: [], pagination: { total_count: 0, max_page: 0 } });
  same(await collect(customers.iterListPaymentMethods(anna.id)), []);
});

await check("customers.listPaymentMethodsExternal", async () => {
  same((await customers.listPaymentMethodsExternal("user_1", { limit: 5 })).items, []);
  same(await collect(customers.iterListPaymentMethodsExternal("user_1")), []);
});

// --- lists ---

const crowd = [];

await check("customers.iterList over several pages", async () => {
  for (let i = 0; i < 23; i++) {
    crowd.push(await customers.create({
      email: `crowd-${String(i).padStart(2, "0")}@example.com`, name: `Name ${(i * 7) % 23}`,
      metadata: { crowd: "yes", even: i % 2 === 0, third: i % 3 },
    }));
  }
  const metadata = { crowd: "yes" };
  const page = await customers.list({ limit: 10, page: 3, metadata });
  same(page.pagination, { total_count: 23, max_page: 3 });
  same(page.items.map((c) => c.email), ["crowd-02@example.com", "crowd-01@example.com", "crowd-00@example.com"]);
  const all = await collect(customers.iterList({ limit: 5, metadata }));
  same(all.map((c) => c.id), crowd.map((c) => c.id).reverse());
  same((await customers.list({ page: 9, metadata })).items, []);
});

await check("customers.list sorting", async () => {
  const metadata = { crowd: "yes" };
  const emails = async (sorting) => (await customers.list({ limit: 100, sorting, metadata })).items.map((c) => c.email);
  const up = crowd.map((c) => c.email);
  same(await emails(["created_at"]), up);
  same(await emails(["-created_at"]), [...up].reverse());
  same(await emails(["email"]), up);
  same(await emails(["-email"]), [...up].reverse());
  same(await emails(["name", "-email"]), [...crowd].sort((a, b) => (a.name < b.name ? -1 : 1)).map((c) => c.email));
  same(await emails(["-name"]), [...crowd].sort((a, b) => (a.name < b.name ? 1 : -1)).map((c) => c.email));
});

await check("customers.list metadata", async () => {
  const total = async (metadata) => (await customers.list({ metadata })).pagination.total_count;
  same(await total({ crowd: "yes", even: true }), 12);
  same(await total({ crowd: "yes", third: 0 }), 8);
  same(await total({ crowd: "yes", third: [0, 1] }), 16);
  same(await total({ crowd: "no" }), 0);
});

await check("customers.list filters", async () => {
  same((await customers.list({ email: "ANNA.m@example.com" })).items, [anna]);
  same((await customers.list({ email: "anna" })).items, []);
  same((await customers.list({ query: "crowd-1", limit: 100 })).items.length, 10);
  same((await customers.list({ query: "crowd-1", organization_id: config.organization.id })).items.length, 10);
  same((await customers.list({ organization_id: [config.other.id] })).items, []);
  same((await customers.list({ active: true })).items, []);
  same((await customers.list({ active: false, email: "anna.m@example.com" })).items, [anna]);
});

await check("customers.export", async () => {
  const lines = (await customers.export({ organization_id: config.organization.id })).split("\r\n");
  same(lines[0], "ID,External ID,Created At,Email,Name,Tax ID,Billing Address Line 1,Billing Address Line 2,Billing Address City," +
    "Billing Address State,Billing Address Zip,Billing Address Country,Metadata");
  const { pagination } = await customers.list();
  same(lines.length, pagination.total_count + 2);
  ok(lines[1].startsWith(`${anna.id},user_1,`));
});

await check("customers with awkward external ids", async () => {
  for (const external_id of awkward) {
    const made = await customers.create({ email: `awkward-${awkward.indexOf(external_id)}@example.com`, external_id });
    has(made, { external_id });
    has(await customers.getExternal(external_id), { id: made.id, external_id });
    has(await customers.updateExternal(external_id, { name: external_id }), { id: made.id, name: external_id });
    has(await customers.getStateExternal(external_id), { id: made.id });
    same((await customers.listPaymentMethodsExternal(external_id)).items, []);
    same((await members.listExternal(external_id)).items.length, 1);
    same(await customers.deleteExternal(external_id), undefined);
    await throws(errors.ResourceNotFound, () => customers.getExternal(external_id));
  }
});

// --- members ---

let member;

await check("members.create", async () => {
  member = await members.create(team.id, { email: "Mia@Example.com", name: "Mia", external_id: "m/1 ü" });
  same(Object.keys(member), ["id", "created_at", "modified_at", "customer_id", "email", "name", "external_id", "role"]);
  has(member, { customer_id: team.id, email: "Mia@example.com", name: "Mia", external_id: "m/1 ü", role: "member", modified_at: null });
  same(await members.create(team.id, { email: "mia@example.com", role: "billing_manager" }), member);
});

await check("members.createExternal", async () => {
  has(await members.createExternal("team/1", { email: "ben@example.com", external_id: "%", role: "billing_manager" }), { customer_id: team.id, role: "billing_manager" });
});

await check("members.list", async () => {
  const page = await members.list(team.id, { limit: 2, sorting: ["created_at"] });
  same(page.pagination, { total_count: 3, max_page: 2 });
  same(page.items.map((m) => m.role), ["owner", "member"]);
  same((await members.list(team.id, { role: "billing_manager" })).items.map((m) => m.email), ["ben@example.com"]);
  same((await collect(members.iterList(team.id, { limit: 1 }))).map((m) => m.email), ["ben@example.com", "Mia@example.com", "owner@example.com"]);
});

await check("members.listExternal", async () => {
  same((await members.listExternal("team/1", { sorting: ["-created_at"] })).items.length, 3);
  same((await collect(members.iterListExternal("team/1", { limit: 2 }))).length, 3);
});

await check("members.get", async () => same(await members.get(team.id, member.id), member));
await check("members.getExternal", async () => same(await members.getExternal("team/1", "m/1 ü"), member));

await check("members.update", async () => {
  member = await members.update(team.id, member.id, { name: "Mia M.", email: "mia.m@example.com" });
  has(member, { name: "Mia M.", email: "mia.m@example.com", role: "member" });
});

await check("members.updateExternal hands over the team", async () => {
  has(await members.updateExternal("team/1", "m/1 ü", { role: "owner" }), { id: member.id, role: "owner" });
  has(await members.getExternal("team/1", "o/1"), { role: "billing_manager" });
});

await check("members.deleteExternal", async () => {
  same(await members.deleteExternal("team/1", "%"), undefined);
  await throws(errors.ResourceNotFound, () => members.getExternal("team/1", "%"));
});

await check("members.delete", async () => {
  const old = await members.getExternal("team/1", "o/1");
  same(await members.delete(team.id, old.id), undefined);
  same((await throws(errors.ResourceNotFound, () => members.get(team.id, old.id))).error, { error: "ResourceNotFound", detail: "Member not found" });
});

// --- sessions ---

await check("customerSessions.create by id", async () => {
  const session = await sessions.create({ customer_id: anna.id, return_url: "https://example.com" });
  same(Object.keys(session), ["created_at", "modified_at", "id", "token", "expires_at", "return_url", "customer_portal_url", "customer_id", "customer"]);
  has(session, { customer_id: anna.id, customer: anna, return_url: "https://example.com/", modified_at: null });
  const link = new URL(session.customer_portal_url);
  same(link.pathname, `/${config.organization.slug}/portal`);
  same(link.searchParams.get("customer_session_token"), session.token);
  same(link.searchParams.get("email"), anna.email);
  ok(session.token.startsWith("polar_mst_"));
});

await check("customerSessions.create by external id", async () => {
  has(await sessions.create({ external_customer_id: "user_1" }), { customer_id: anna.id });
  has(await sessions.create({ external_customer_id: "team/1", external_member_id: "m/1 ü" }), { customer_id: team.id });
  has(await sessions.create({ customer_id: team.id, member_id: member.id }), { customer_id: team.id });
});

await check("customerSessions.create problems", async () => {
  const error = await throws(errors.HTTPValidationError, () => sessions.create({ customer_id: team.id }));
  has(error.error.detail[0], { type: "value_error", loc: ["body", "member_id"] });
  has((await throws(errors.HTTPValidationError, () => sessions.create({ customer_id: nobody }))).error.detail[0], { loc: ["body", "customer_id"] });
  ok((await throws(errors.HTTPValidationError, () => sessions.create({}))).error.detail.length >= 2);
});

// --- organizations ---

let organization;

await check("organizations.list", async () => {
  const { items, pagination } = await organizations.list();
  same(pagination, { total_count: 1, max_page: 1 });
  organization = items[0];
  has(organization, { id: config.organization.id, slug: config.organization.slug });
  same((await user.organizations.list({ sorting: ["-name"], limit: 1 })).pagination, { total_count: 2, max_page: 2 });
  same((await collect(user.organizations.iterList({ limit: 1 }))).map((o) => o.id), [config.organization.id, config.other.id]);
  same((await user.organizations.list({ slug: config.other.slug })).items.map((o) => o.id), [config.other.id]);
});

await check("organizations.get", async () => {
  same(await organizations.get(config.organization.id), organization);
  await throws(errors.ResourceNotFound, () => organizations.get(config.other.id));
});

await check("organizations.update", async () => {
  const changed = await organizations.update(organization.id, {
    name: "Acme & Co", website: "https://example.com", socials: [{ platform: "other", url: "https://github.com/acme" }],
    feature_settings: { checkout_localization_enabled: true },
  });
  has(changed, { name: "Acme & Co", website: "https://example.com/", slug: organization.slug });
  has(changed.socials[0], { platform: "github" });
  same(changed.feature_settings.checkout_localization_enabled, true);
});

await check("organizations.create", async () => {
  const made = await user.organizations.create({ name: "New One", slug: `new-${config.version}` });
  has(made, { name: "New One", slug: `new-${config.version}` });
  same(await user.organizations.get(made.id), made);
  const error = await throws(errors.HTTPValidationError, () => user.organizations.create({ name: "New Two", slug: made.slug }));
  same(error.error.detail[0].loc, ["body", "slug"]);
  await throws(PolarClientError, () => organizations.create({ name: "New Two", slug: "new-two" })).then((e) => same(e.statusCode, 401));
  await throws(errors.CannotCreateOrganizationError, () => client(config.userToken, config.other.id).organizations.create({ name: "New Two", slug: "new-two" }));
});

// --- the organization of a user's request ---

await check("organizationId", async () => {
  const narrow = client(config.userToken, config.other.id);
  const made = await narrow.customers.create({ email: "narrow@example.com", external_id: "shared" });
  has(made, { organization_id: config.other.id });
  same((await narrow.customers.list()).items, [made]);
  await throws(errors.ResourceNotFound, () => narrow.customers.get(anna.id));
  const missing = await throws(errors.HTTPValidationError, () => user.customers.create({ email: "lost@example.com" }));
  has(missing.error.detail[0], { type: "missing", loc: ["body", "organization_id"] });
  has(await user.customers.create({ email: "found@example.com", organization_id: config.other.id }), { organization_id: config.other.id });
  has(await throws(PolarClientError, () => client(config.userToken, nobody).customers.list()), { statusCode: 403 });
  has(await throws(PolarClientError, () => client(config.userToken, "nonsense").customers.list()), { statusCode: 400 });
  same((await client(config.token, config.organization.id).customers.get(anna.id)).id, anna.id);
});

await check("409 for an external id of two organizations", async () => {
  await customers.create({ email: "shared@example.com", external_id: "shared", type: "team" });
  const calls = [
    () => user.customers.members.createExternal("shared", { email: "x@example.com" }), () => user.customers.members.getExternal("shared", "x"),
    () => user.customers.members.updateExternal("shared", "x", {}), () => user.customers.members.deleteExternal("shared", "x"),
    () => user.customers.members.listExternal("shared"),
  ];
  for (const call of calls) {
    has((await throws(errors.AmbiguousExternalCustomerID, call)).error, { error: "AmbiguousExternalCustomerID" });
  }
  for (const call of [() => user.customers.getExternal("shared"), () => user.customerSessions.create({ external_customer_id: "shared" })]) {
    has(await throws(PolarClientError, call), { statusCode: 409 });
  }
  has(await client(config.userToken, config.organization.id).customers.getExternal("shared"), { email: "shared@example.com" });
});

// --- errors ---

await check("401", async () => {
  for (const token of ["nonsense", "polar_oat_nonsense"]) {
    has(await throws(PolarClientError, () => client(token).customers.list()), { statusCode: 401 });
  }
});

await check("403", async () => {
  const reader = client(config.readToken);
  same((await reader.customers.get(anna.id)).id, anna.id);
  has(await throws(PolarClientError, () => reader.customers.update(anna.id, { name: "x" })), { statusCode: 403 });
  has(await throws(PolarClientError, () => reader.customers.members.get(team.id, member.id)), { statusCode: 403 });
  const error = await throws(errors.NotPermitted, () => members.create(anna.id, { email: "second@example.com" }));
  has(error.error, { error: "NotPermitted" });
  has(error, { statusCode: 403 });
  await throws(errors.NotPermitted, () => members.createExternal("user_1", { email: "second@example.com" }));
});

await check("404", async () => {
  const calls = [
    () => customers.get(nobody), () => customers.update(nobody, {}), () => customers.delete(nobody), () => customers.getState(nobody),
    () => customers.listPaymentMethods(nobody), () => customers.getExternal("none"), () => customers.updateExternal("none", {}),
    () => customers.deleteExternal("none"), () => customers.getStateExternal("none"), () => customers.listPaymentMethodsExternal("none"),
    () => members.list(nobody), () => members.listExternal("none"), () => members.create(nobody, { email: "a@example.com" }),
    () => members.createExternal("none", { email: "a@example.com" }), () => members.get(team.id, nobody),
    () => members.update(team.id, nobody, {}), () => members.delete(team.id, nobody), () => members.getExternal("team/1", "none"),
    () => members.updateExternal("none", "none", {}), () => members.deleteExternal("none", "none"),
    () => organizations.get(nobody), () => organizations.update(nobody, {}), () => other.customers.get(anna.id),
  ];
  for (const call of calls) {
    const error = await throws(errors.ResourceNotFound, call);
    has(error, { statusCode: 404 });
    same(Object.keys(error.error), ["error", "detail"], String(call));
    same(error.error.error, "ResourceNotFound");
  }
});

await check("422", async () => {
  const problems = async (call) => {
    const error = await throws(errors.HTTPValidationError, call);
    has(error, { statusCode: 422 });
    return error.error.detail;
  };
  has((await problems(() => customers.create({ email: "ANNA.M@example.com" })))[0], { type: "value_error", loc: ["body", "email"] });
  has((await problems(() => customers.create({ email: "new@example.com", external_id: "user_1" })))[0], { type: "value_error", loc: ["body", "external_id"] });
  has((await problems(() => customers.create({ email: "nonsense" })))[0], { type: "value_error", loc: ["body", "individual", "email"], input: "nonsense" });
  has((await problems(() => customers.create({ type: "team", name: "x" })))[0], { type: "value_error", loc: ["body", "team"] });
  has((await problems(() => customers.get("nonsense")))[0], { type: "uuid_parsing", loc: ["path", "id"] });
  has((await problems(() => customers.list({ page: 0, limit: 0 })))[1], { type: "greater_than", loc: ["query", "limit"], ctx: { gt: 0 } });
  has((await problems(() => customers.list({ sorting: ["nonsense"] })))[0], { type: "enum", loc: ["query", "sorting", 0] });
  has((await problems(() => members.create(team.id, { email: "a@example.com", role: "owner" })))[0], { type: "literal_error", loc: ["body", "role"] });
  has((await problems(() => members.delete(team.id, member.id)))[0], { type: "value_error", loc: ["body"] });
  has((await problems(() => organizations.update(organization.id, { name: "x" })))[0], { loc: ["body", "name"] });
});

// --- webhooks ---

await check("webhooks", async () => {
  const { webhooks } = polar;
  const e = await webhooks.createWebhookEndpoint({ url: "https://example.com/hook", format: "raw", events: ["customer.created", "order.paid"] });
  has(e, { url: "https://example.com/hook", name: null, format: "raw", enabled: true, organization_id: organization.id, modified_at: null });
  same((await webhooks.getWebhookEndpoint(e.id)).secret, e.secret);
  has(await webhooks.updateWebhookEndpoint(e.id, { name: "mine", enabled: false }), { name: "mine", enabled: false });
  ok((await webhooks.resetWebhookEndpointSecret(e.id)).secret !== e.secret);
  ok((await webhooks.listWebhookEndpoints({})).items.some((x) => x.id === e.id));
  same((await webhooks.listWebhookDeliveries({ endpoint_id: e.id, http_code_class: "2xx" })).items, []);
  await throws(errors.ResourceNotFound, () => webhooks.redeliverWebhookEvent(nobody));
  same(await webhooks.deleteWebhookEndpoint(e.id), undefined);
});

// --- deletion, last ---

await check("customers.delete", async () => {
  const c = await customers.create({ email: "gone@example.com", external_id: "gone" });
  same(await customers.delete(c.id), undefined);
  await throws(errors.ResourceNotFound, () => customers.get(c.id));
  await throws(errors.ResourceNotFound, () => customers.delete(c.id));
  await customers.create({ email: "gone@example.com", external_id: "gone" });
});

await check("customers.delete with anonymize", async () => {
  same(await customers.delete(anna.id, { anonymize: true }), undefined);
  await throws(errors.ResourceNotFound, () => customers.getExternal("user_1"));
});

await check("customers.deleteExternal with anonymize", async () => {
  same(await customers.deleteExternal("team/1", { anonymize: true }), undefined);
  await throws(errors.ResourceNotFound, () => members.list(team.id));
});

end();
