// SDK 1.0.1 with a server that has a payment processor: saved methods, charges
// and the payments that come of them, and refunds.

import { check, collect, config, end, has, ok, same, throws } from "./harness.mjs";

const { createPolar, errors } = await import(`polar-sdk-1/${config.version}`);
const { customers, orders, payments, products, refunds, subscriptions } = createPolar({ baseUrl: config.url, accessToken: config.token, timeout: 30 });
const nobody = "00000000-0000-4000-8000-000000000000";
const customer_id = config.payer;
const fixed = (price_amount) => [{ amount_type: "fixed", price_amount, price_currency: "usd" }];
const book = await products.create({ name: "A book", prices: fixed(2500) });
let order;

await check("customers.listPaymentMethods of a customer with a card", async () => {
  const { items } = await customers.listPaymentMethods(customer_id);
  has(items[0], { type: "card", processor: "stripe", customer_id, is_default: true });
  same(items[0].method_metadata, { brand: "visa", last4: "4242", exp_month: 7, exp_year: 2030, wallet: null });
  same((await collect(customers.iterListPaymentMethodsExternal("payer"))).length, 1);
  same((await customers.get(customer_id)).default_payment_method_id, items[0].id);
});

await check("orders.finalize with a card", async () => {
  order = await orders.create({ customer_id, product_id: book.id });
  has(await orders.finalize(order.id, {}), { status: "paid", paid: true });
});

await check("payments.list and get", async () => {
  const { items } = await payments.list({ order_id: order.id, status: "succeeded", method: ["card"], sorting: ["-amount"] });
  has(items[0], { order_id: order.id, amount: 2500, status: "succeeded", method: "card", trigger: "purchase", checkout_id: null });
  same(items[0].method_metadata, { brand: "visa", last4: "4242" });
  same(await payments.get(items[0].id), items[0]);
  same((await collect(payments.iterList({ customer_id, limit: 1 }))).length, 1);
  await throws(errors.ResourceNotFound, () => payments.get(nobody));
});

await check("refunds.create", async () => {
  has(await refunds.create({ order_id: order.id, amount: 1000, reason: "customer_request" }), { status: "succeeded", amount: 1000 });
  has(await orders.get(order.id), { status: "partially_refunded", refunded_amount: 1000 });
});

await check("subscriptions.update that is paid at once", async () => {
  const free = await products.create({ name: "Free plan", recurring_interval: "month", prices: fixed(0) });
  const paid = await products.create({ name: "Paid plan", recurring_interval: "month", prices: fixed(3000) });
  const sub = await subscriptions.create({ product_id: free.id, customer_id });
  has(await subscriptions.update(sub.id, { product_id: paid.id, proration_behavior: "invoice" }), { product_id: paid.id, amount: 3000, status: "active" });
  const bill = (await orders.list({ product_id: paid.id })).items[0];
  has(bill, { status: "paid", billing_reason: "subscription_update" });
  ok((await payments.list({ order_id: bill.id })).items[0].amount === bill.due_amount);
});

end();
