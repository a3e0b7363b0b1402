// What a server has sent, and whether both SDKs and the Standard Webhooks
// library take it.

import { WebhookVerificationError as LegacyError, validateEvent as legacy } from "polar-sdk-0/webhooks.js";
import { webhooks } from "polar-sdk-1/2026-04";
import { Webhook } from "standardwebhooks";
import { check, config, end, ok, same } from "./harness.mjs";

// What 0.49.0 does not know, besides discounts.
const unknown = new Set(["subscription.cycled", "subscription.paused", "subscription.resumed"]);

for (const [i, { body, headers, secret, wrong }] of config.requests.entries()) {
  const { type } = JSON.parse(body);
  await check(`${i} ${type} 1.0.1`, async () => same(await webhooks.validateEvent(body, headers, secret), JSON.parse(body)));
  if (!type.startsWith("discount.") && !unknown.has(type)) {
    await check(`${i} ${type} 0.49.0`, () => same(legacy(body, headers, secret).type, type));
  }
  await check(`${i} ${type} standardwebhooks`, () => same(new Webhook(secret).verify(body, headers), JSON.parse(body)));
  await check(`${i} ${type} with another secret`, async () => {
    for (const verify of [webhooks.validateEvent, legacy]) {
      let failed = false;
      try {
        await verify(body, headers, wrong);
      } catch (error) {
        failed = verify !== legacy || error instanceof LegacyError;
      }
      ok(failed);
    }
  });
}

end();
