/** The texts of one language. A file is an area, named as its one key; en/index.ts and ko/index.ts list the same. */
import account from "./account.json";
import acts from "./acts.json";
import app from "./app.json";
import assistants from "./assistants.json";
import audit from "./audit.json";
import billing from "./billing.json";
import calendar from "./calendar.json";
import catalogue from "./catalogue.json";
import chart from "./chart.json";
import chat from "./chat.json";
import commands from "./commands.json";
import consoleTexts from "./console.json";
import remove from "./delete.json";
import examples from "./examples.json";
import files from "./files.json";
import groups from "./groups.json";
import health from "./health.json";
import keys from "./keys.json";
import limits from "./limits.json";
import mail from "./mail.json";
import members from "./members.json";
import models from "./models.json";
import nav from "./nav.json";
import organization from "./organization.json";
import overview from "./overview.json";
import playground from "./playground.json";
import projects from "./projects.json";
import rename from "./rename.json";
import retention from "./retention.json";
import review from "./review.json";
import session from "./session.json";
import settings from "./settings.json";
import sharing from "./sharing.json";
import sso from "./sso.json";
import status from "./status.json";
import tokenizer from "./tokenizer.json";
import usage from "./usage.json";

export default {
  ...account,
  ...acts,
  ...app,
  ...assistants,
  ...audit,
  ...billing,
  ...calendar,
  ...catalogue,
  ...chart,
  ...chat,
  ...commands,
  ...consoleTexts,
  ...remove,
  ...examples,
  ...files,
  ...groups,
  ...health,
  ...keys,
  ...limits,
  ...mail,
  ...members,
  ...models,
  ...nav,
  ...organization,
  ...overview,
  ...playground,
  ...projects,
  ...rename,
  ...retention,
  ...review,
  ...session,
  ...settings,
  ...sharing,
  ...sso,
  ...status,
  ...tokenizer,
  ...usage,
};
