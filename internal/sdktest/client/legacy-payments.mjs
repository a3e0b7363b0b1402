// SDK 0.49.0 with a server that has a payment processor: saved methods, charges
// and the payments that come of them, and refunds.

import { Polar } from "polar-sdk-0";
import { ResourceNotFound } from "polar-sdk-0/models/errors/resourcenotfound.js";
import { check, collect, config, end, has, same, throws } from "./harness.mjs";

const { customers, orders, payments, products, refunds } = new Polar({ serverURL: config.url, accessToken: config.token });
const nobody = "00000000-0000-4000-8000-000000000000";
const customerId = config.payer;
const items = async (page) => (await collect(await page)).flatMap((p) => p.result.items);
const book = await products.create({ name: "A book", prices: [{ amountType: "fixed", priceAmount: 2500, priceCurrency: "usd" }] });
let order;

await check("customers.listPaymentMethods of a customer with a card", async () => {
  const list = await items(customers.listPaymentMethods({ id: customerId }));
  has(list[0], { type: "card", processor: "stripe", customerId });
  has(list[0].methodMetadata, { brand: "visa", last4: "4242", expMonth: 7, expYear: 2030 });
  same((await items(customers.listPaymentMethodsExternal({ externalId: "payer" }))).length, 1);
});

await check("orders.finalize with a card", async () => {
  order = await orders.create({ customerId, productId: book.id });
  has(await orders.finalize({ id: order.id, orderFinalize: {} }), { status: "paid", paid: true });
});

await check("payments.list and get", async () => {
  const list = await items(payments.list({ orderId: order.id, status: "succeeded", method: "card" }));
  has(list[0], { orderId: order.id, amount: 2500, status: "succeeded", method: "card" });
  same(list[0].methodMetadata, { brand: "visa", last4: "4242" });
  same(await payments.get({ id: list[0].id }), list[0]);
  await throws(ResourceNotFound, () => payments.get({ id: nobody }));
});

await check("refunds.create", async () => {
  has(await refunds.create({ orderId: order.id, amount: 1000, reason: "customer_request" }), { status: "succeeded", amount: 1000 });
  has(await orders.get({ id: order.id }), { status: "partially_refunded", refundedAmount: 1000 });
});

end();
