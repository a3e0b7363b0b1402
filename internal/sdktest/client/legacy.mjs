// SDK 0.49.0, which checks every answer against the schemas that it was
// generated from: what it accepts has the right shape.

import { Polar } from "polar-sdk-0";
import { AmbiguousExternalCustomerID } from "polar-sdk-0/models/errors/ambiguousexternalcustomerid.js";
import { HTTPValidationError } from "polar-sdk-0/models/errors/httpvalidationerror.js";
import { NotPermitted } from "polar-sdk-0/models/errors/notpermitted.js";
import { ResourceNotFound } from "polar-sdk-0/models/errors/resourcenotfound.js";
import { SDKError } from "polar-sdk-0/models/errors/sdkerror.js";
import { awkward, check, collect, config, end, has, ok, same, throws } from "./harness.mjs";

const client = (accessToken) => new Polar({ serverURL: config.url, accessToken });
const polar = client(config.token);
const user = client(config.userToken);
const { customers, customerSessions: sessions, organizations } = polar;
const { members } = customers;
const nobody = "00000000-0000-4000-8000-000000000000";

// items are those of the first page.
const items = async (page) => (await page).result.items;
const pages = async (page) => (await collect(await page)).map((p) => p.result.items);

// --- customers ---

let anna, team;

await check("customers.create individual", async () => {
  anna = await customers.create({
    email: "Anna@Example.COM", name: "Anna Martin", externalId: "user_1", locale: "fr-FR", taxId: "FR61954506077",
    metadata: { plan: "pro", seats: 3, ratio: 0.5, active: true },
    billingAddress: { line1: "1 Rue de Rivoli", postalCode: "75001", city: "Paris", country: "FR" },
  });
  has(anna, {
    type: "individual", email: "Anna@example.com", emailVerified: false, name: "Anna Martin", billingName: "Anna Martin",
    externalId: "user_1", locale: "fr-FR", taxId: ["FR61954506077", "eu_vat"], organizationId: config.organization.id,
    metadata: { plan: "pro", seats: 3, ratio: 0.5, active: true }, modifiedAt: null, deletedAt: null,
  });
  has(anna.billingAddress, { line1: "1 Rue de Rivoli", line2: null, postalCode: "75001", city: "Paris", state: null, country: "FR" });
  ok(anna.createdAt instanceof Date && anna.createdAt.getTime() > 0);
});

await check("customers.create with the least", async () => {
  has(await customers.create({ email: "least@example.com" }), { type: "individual", name: null, externalId: null, metadata: {}, taxId: null, billingAddress: null });
});

await check("customers.create individual with owner", async () => {
  const c = await customers.create({ email: "with-owner@example.com", owner: { email: "boss@example.com", name: "Boss", externalId: "boss" } });
  const list = await items(polar.members.listMembers({ customerId: c.id }));
  same(list.length, 1);
  has(list[0], { email: "boss@example.com", name: "Boss", externalId: "boss", role: "owner", customerId: c.id });
});

await check("customers.create team with owner", async () => {
  team = await customers.create({ type: "team", name: "Team", externalId: "team/1", owner: { email: "owner@example.com", name: "Olga", externalId: "o/1" } });
  has(team, { type: "team", email: null, name: "Team" });
});

await check("customers.create team with an address of its own", async () => {
  has(await customers.create({ type: "team", email: "team@example.com" }), { type: "team", email: "team@example.com" });
});

await check("customers.get", async () => same(await customers.get({ id: anna.id }), anna));
await check("customers.getExternal", async () => same(await customers.getExternal({ externalId: "user_1" }), anna));

await check("customers.update", async () => {
  anna = await customers.update({
    id: anna.id,
    customerUpdate: {
      name: "Anna", metadata: { plan: "free" }, taxId: null,
      billingAddress: { line1: "1 Market St", city: "San Francisco", state: "CA", postalCode: "94105", country: "US" },
    },
  });
  has(anna, { name: "Anna", metadata: { plan: "free" }, taxId: null, email: "Anna@example.com", externalId: "user_1" });
  has(anna.billingAddress, { state: "US-CA", country: "US" });
  ok(anna.modifiedAt instanceof Date);
});

await check("customers.updateExternal", async () => {
  anna = await customers.updateExternal({ externalId: "user_1", customerUpdateExternalID: { email: "anna.m@example.com", locale: null } });
  has(anna, { email: "anna.m@example.com", locale: null, name: "Anna" });
});

await check("customers.getState", async () => {
  has(await customers.getState({ id: anna.id }), { id: anna.id, activeSubscriptions: [], grantedBenefits: [], activeMeters: [] });
});

await check("customers.getStateExternal", async () => {
  has(await customers.getStateExternal({ externalId: "team/1" }), { id: team.id, type: "team", email: null });
});

await check("customers.listPaymentMethods", async () => {
  same(await pages(customers.listPaymentMethods({ id: anna.id })), [[]]);
});

await check("customers.listPaymentMethodsExternal", async () => {
  same(await pages(customers.listPaymentMethodsExternal({ externalId: "user_1", limit: 5 })), [[]]);
});

// --- lists ---

const crowd = [];

await check("customers.list over several pages", async () => {
  for (let i = 0; i < 23; i++) {
    crowd.push(await customers.create({
      email: `crowd-${String(i).padStart(2, "0")}@example.com`, name: `Name ${(i * 7) % 23}`,
      metadata: { crowd: "yes", even: i % 2 === 0, third: i % 3 },
    }));
  }
  const metadata = { crowd: "yes" };
  const all = await pages(customers.list({ limit: 10, metadata }));
  same(all.map((p) => p.length), [10, 10, 3]);
  same(all.flat().map((c) => c.id), crowd.map((c) => c.id).reverse());
  const { result } = await customers.list({ page: 3, limit: 10, metadata });
  has(result.pagination, { totalCount: 23, maxPage: 3 });
});

await check("customers.list sorting", async () => {
  const emails = async (sorting) => (await items(customers.list({ limit: 100, sorting, metadata: { crowd: "yes" } }))).map((c) => c.email);
  const up = crowd.map((c) => c.email);
  same(await emails(["created_at"]), up);
  same(await emails(["-created_at"]), [...up].reverse());
  same(await emails(["-email"]), [...up].reverse());
  same(await emails(["name", "-email"]), [...crowd].sort((a, b) => (a.name < b.name ? -1 : 1)).map((c) => c.email));
});

await check("customers.list metadata", async () => {
  const total = async (metadata) => (await customers.list({ metadata })).result.pagination.totalCount;
  same(await total({ crowd: "yes", even: true }), 12);
  same(await total({ crowd: "yes", third: 0 }), 8);
  same(await total({ crowd: "yes", third: [0, 1] }), 16);
  same(await total({ crowd: "no" }), 0);
});

await check("customers.list filters", async () => {
  same(await items(customers.list({ email: "ANNA.m@example.com" })), [anna]);
  same((await items(customers.list({ query: "crowd-1", limit: 100, organizationId: [config.organization.id] }))).length, 10);
  same(await items(customers.list({ organizationId: config.other.id })), []);
  same(await items(customers.list({ active: true })), []);
});

await check("customers.export", async () => {
  const lines = (await customers.export({ organizationId: config.organization.id })).split("\r\n");
  ok(lines[0].startsWith("ID,External ID,Created At,Email,"));
  same(lines.length, (await customers.list({})).result.pagination.totalCount + 2);
});

await check("customers with awkward external ids", async () => {
  for (const externalId of awkward) {
    const made = await customers.create({ email: `awkward-${awkward.indexOf(externalId)}@example.com`, externalId });
    has(await customers.getExternal({ externalId }), { id: made.id, externalId });
    has(await customers.updateExternal({ externalId, customerUpdateExternalID: { name: externalId } }), { id: made.id, name: externalId });
    has(await customers.getStateExternal({ externalId }), { id: made.id });
    same(await items(customers.listPaymentMethodsExternal({ externalId })), []);
    same((await items(polar.members.listMembers({ externalCustomerId: externalId }))).length, 1);
    same(await customers.deleteExternal({ externalId }), undefined);
    await throws(ResourceNotFound, () => customers.getExternal({ externalId }));
  }
});

// --- members ---

let member;

await check("members.create", async () => {
  member = await members.create({ id: team.id, memberCreateFromCustomer: { email: "Mia@Example.com", name: "Mia", externalId: "m/1 ü" } });
  has(member, { customerId: team.id, email: "Mia@example.com", name: "Mia", externalId: "m/1 ü", role: "member", modifiedAt: null });
});

await check("members.createExternal", async () => {
  const ben = { email: "ben@example.com", externalId: "%", role: "billing_manager" };
  has(await members.createExternal({ externalId: "team/1", memberCreateFromCustomer: ben }), { customerId: team.id, role: "billing_manager" });
});

await check("members.listMembers", async () => {
  const all = await pages(polar.members.listMembers({ customerId: team.id, limit: 2, sorting: ["created_at"] }));
  same(all.map((p) => p.map((m) => m.role)), [["owner", "member"], ["billing_manager"]]);
  same((await items(polar.members.listMembers({ externalCustomerId: "team/1", role: "member" }))), [member]);
  same(await items(polar.members.listMembers({ customerId: nobody })), []);
  ok((await items(polar.members.listMembers({}))).length > 3);
});

await check("members.get", async () => same(await members.get({ id: team.id, memberId: member.id }), member));
await check("members.getExternal", async () => same(await members.getExternal({ externalId: "team/1", memberExternalId: "m/1 ü" }), member));

await check("members.update", async () => {
  member = await members.update({ id: team.id, memberId: member.id, memberUpdate: { name: "Mia M.", email: "mia.m@example.com" } });
  has(member, { name: "Mia M.", email: "mia.m@example.com", role: "member" });
});

await check("members.updateExternal hands over the team", async () => {
  const path = { externalId: "team/1", memberExternalId: "m/1 ü" };
  has(await members.updateExternal({ ...path, memberUpdate: { role: "owner" } }), { id: member.id, role: "owner" });
});

await check("members.deleteExternal", async () => {
  same(await members.deleteExternal({ externalId: "team/1", memberExternalId: "%" }), undefined);
});

await check("members.delete", async () => {
  const old = await members.getExternal({ externalId: "team/1", memberExternalId: "o/1" });
  same(await members.delete({ id: team.id, memberId: old.id }), undefined);
  await throws(ResourceNotFound, () => members.get({ id: team.id, memberId: old.id }));
});

// --- sessions ---

await check("customerSessions.create by id", async () => {
  const session = await sessions.create({ customerId: anna.id, returnUrl: "https://example.com" });
  has(session, { customerId: anna.id, customer: anna, returnUrl: "https://example.com/", modifiedAt: null });
  ok(session.expiresAt > session.createdAt);
  same(new URL(session.customerPortalUrl).searchParams.get("customer_session_token"), session.token);
});

await check("customerSessions.create by external id", async () => {
  has(await sessions.create({ externalCustomerId: "user_1" }), { customerId: anna.id });
  has(await sessions.create({ externalCustomerId: "team/1", externalMemberId: "m/1 ü" }), { customerId: team.id });
  has(await sessions.create({ customerId: team.id, memberId: member.id }), { customerId: team.id });
  await throws(HTTPValidationError, () => sessions.create({ customerId: team.id }));
});

// --- organizations ---

let organization;

await check("organizations.listOrganizations", async () => {
  [organization] = await items(organizations.listOrganizations({}));
  has(organization, { id: config.organization.id, slug: config.organization.slug });
  same((await pages(user.organizations.listOrganizations({ limit: 1, sorting: ["slug"] }))).flat().length, 2);
  same((await items(user.organizations.listOrganizations({ slug: config.other.slug }))).map((o) => o.id), [config.other.id]);
});

await check("organizations.get", async () => {
  same(await organizations.get({ id: organization.id }), organization);
  await throws(ResourceNotFound, () => organizations.get({ id: config.other.id }));
});

await check("organizations.update", async () => {
  const changed = await organizations.update({
    id: organization.id,
    organizationUpdate: { name: "Acme & Co", website: "https://example.com", socials: [{ platform: "other", url: "https://github.com/acme" }] },
  });
  has(changed, { name: "Acme & Co", website: "https://example.com/", slug: organization.slug });
  has(changed.socials[0], { platform: "github" });
});

await check("organizations.create", async () => {
  const made = await user.organizations.create({ name: "New One", slug: "new-one" });
  has(made, { name: "New One", slug: "new-one" });
  const error = await throws(HTTPValidationError, () => user.organizations.create({ name: "New Two", slug: "new-one" }));
  same(error.detail[0].loc, ["body", "slug"]);
});

// --- errors ---

await check("401", async () => {
  has(await throws(SDKError, () => client("nonsense").customers.list({})), { statusCode: 401 });
});

await check("403", async () => {
  const reader = client(config.readToken);
  has(await throws(SDKError, () => reader.customers.delete({ id: anna.id })), { statusCode: 403 });
  const second = { email: "second@example.com" };
  has(await throws(NotPermitted, () => members.create({ id: anna.id, memberCreateFromCustomer: second })), { statusCode: 403, error: "NotPermitted" });
  await throws(NotPermitted, () => members.createExternal({ externalId: "user_1", memberCreateFromCustomer: second }));
});

await check("404", async () => {
  const none = { externalId: "none" };
  const calls = [
    () => customers.get({ id: nobody }), () => customers.update({ id: nobody, customerUpdate: {} }), () => customers.delete({ id: nobody }),
    () => customers.getState({ id: nobody }), () => customers.listPaymentMethods({ id: nobody }), () => customers.getExternal(none),
    () => customers.updateExternal({ ...none, customerUpdateExternalID: {} }), () => customers.deleteExternal(none),
    () => customers.getStateExternal(none), () => customers.listPaymentMethodsExternal(none),
    () => members.create({ id: nobody, memberCreateFromCustomer: { email: "a@example.com" } }),
    () => members.createExternal({ ...none, memberCreateFromCustomer: { email: "a@example.com" } }),
    () => members.get({ id: team.id, memberId: nobody }), () => members.update({ id: team.id, memberId: nobody, memberUpdate: {} }),
    () => members.delete({ id: team.id, memberId: nobody }), () => members.getExternal({ externalId: "team/1", memberExternalId: "none" }),
    () => members.updateExternal({ externalId: "team/1", memberExternalId: "none", memberUpdate: {} }),
    () => members.deleteExternal({ externalId: "team/1", memberExternalId: "none" }),
    () => organizations.update({ id: nobody, organizationUpdate: {} }), () => client(config.other.token).customers.get({ id: anna.id }),
  ];
  for (const call of calls) has(await throws(ResourceNotFound, call), { statusCode: 404, error: "ResourceNotFound" });
});

await check("409 for an external id of two organizations", async () => {
  await customers.create({ type: "team", email: "shared@example.com", externalId: "shared" });
  await client(config.other.token).customers.create({ type: "team", email: "shared@example.com", externalId: "shared" });
  const path = { externalId: "shared", memberExternalId: "x" };
  const calls = [
    () => user.customers.members.createExternal({ externalId: "shared", memberCreateFromCustomer: { email: "x@example.com" } }),
    () => user.customers.members.getExternal(path), () => user.customers.members.deleteExternal(path),
    () => user.customers.members.updateExternal({ ...path, memberUpdate: {} }),
  ];
  for (const call of calls) has(await throws(AmbiguousExternalCustomerID, call), { statusCode: 409, error: "AmbiguousExternalCustomerID" });
  has(await throws(SDKError, () => user.customers.getExternal({ externalId: "shared" })), { statusCode: 409 });
});

await check("422", async () => {
  const problems = async (call) => {
    const error = await throws(HTTPValidationError, call);
    same(error.statusCode, 422);
    return error.detail;
  };
  has((await problems(() => customers.create({ email: "ANNA.M@example.com" })))[0], { type: "value_error", loc: ["body", "email"] });
  has((await problems(() => customers.create({ email: "new@example.com", externalId: "user_1" })))[0], { loc: ["body", "external_id"] });
  has((await problems(() => customers.create({ email: "nonsense" })))[0], { loc: ["body", "individual", "email"] });
  has((await problems(() => customers.get({ id: "nonsense" })))[0], { type: "uuid_parsing", loc: ["path", "id"] });
  has((await problems(() => customers.list({ page: 0 })))[0], { type: "greater_than", loc: ["query", "page"] });
  has((await problems(() => members.delete({ id: team.id, memberId: member.id })))[0], { type: "value_error", loc: ["body"] });
  has((await problems(() => organizations.update({ id: organization.id, organizationUpdate: { name: "x" } })))[0], { loc: ["body", "name"] });
});

// --- deletion, last ---

await check("customers.delete", async () => {
  const c = await customers.create({ email: "gone@example.com", externalId: "gone" });
  same(await customers.delete({ id: c.id }), undefined);
  await throws(ResourceNotFound, () => customers.get({ id: c.id }));
  await customers.create({ email: "gone@example.com", externalId: "gone" });
});

await check("customers.delete with anonymize", async () => {
  same(await customers.delete({ id: anna.id, anonymize: true }), undefined);
  await throws(ResourceNotFound, () => customers.getExternal({ externalId: "user_1" }));
});

await check("customers.deleteExternal with anonymize", async () => {
  same(await customers.deleteExternal({ externalId: "team/1", anonymize: true }), undefined);
  same(await items(polar.members.listMembers({ customerId: team.id })), []);
});

// --- webhooks ---

await check("webhooks", async () => {
  const { webhooks } = polar;
  const e = await webhooks.createWebhookEndpoint({ url: "https://example.com/hook", format: "raw", events: ["customer.created", "order.paid"] });
  has(e, { url: "https://example.com/hook", format: "raw", enabled: true, organizationId: config.organization.id, modifiedAt: null });
  same((await webhooks.getWebhookEndpoint({ id: e.id })).secret, e.secret);
  has(await webhooks.updateWebhookEndpoint({ id: e.id, webhookEndpointUpdate: { name: "mine", enabled: false } }), { name: "mine", enabled: false });
  ok((await webhooks.resetWebhookEndpointSecret({ id: e.id })).secret !== e.secret);
  ok((await items(webhooks.listWebhookEndpoints({}))).some((x) => x.id === e.id));
  same(await items(webhooks.listWebhookDeliveries({ endpointId: e.id, httpCodeClass: "2xx" })), []);
  await throws(ResourceNotFound, () => webhooks.redeliverWebhookEvent({ id: nobody }));
  same(await webhooks.deleteWebhookEndpoint({ id: e.id }), undefined);
});

end();
