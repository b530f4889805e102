import type { components } from "./schema";

type Schemas = components["schemas"];

export type Session = Schemas["Session"];
export type Model = Schemas["Model"];
export type Chat = Schemas["Chat"];
export type ChatList = Schemas["ChatList"];
export type ChatDetail = Schemas["ChatDetail"];
export type Message = Schemas["Message"];
export type ContentPart = Schemas["ContentPart"];
