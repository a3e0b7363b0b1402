// One process for all areas of an SDK, which takes a while to load.

import { config } from "./harness.mjs";

for (const script of config.scripts) await import(`./${script}`);
