import type { paths } from "./schema";

/** The server's objects, by the routes that answer with them. */
type Answer<P extends keyof paths, M extends keyof paths[P]> = paths[P][M] extends {
  responses: { 200: { content: { "application/json": infer T } } };
}
  ? T
  : never;

export type Session = Answer<"/api/session", "get">;
export type Key = Answer<"/api/keys", "get">["data"][number];
export type User = Answer<"/v1/organization/users", "get">["data"][number];
export type Invite = Answer<"/v1/organization/invites", "get">["data"][number];
export type Project = Answer<"/v1/organization/projects", "get">["data"][number];
export type ProjectUser = Answer<"/v1/organization/projects/{project_id}/users", "get">["data"][number];
export type ServiceAccount = Answer<
  "/v1/organization/projects/{project_id}/service_accounts",
  "get"
>["data"][number];
export type ProjectKey = Answer<"/v1/organization/projects/{project_id}/api_keys", "get">["data"][number];
export type File = Answer<"/v1/files", "get">["data"][number];
export type Membership = Answer<"/api/memberships", "get">["data"][number];
export type Model = Answer<"/api/models", "get">["data"][number];
export type Pull = Answer<"/api/pulls", "get">["data"][number];
export type ChatList = Answer<"/api/chats", "get">;
export type Chat = Answer<"/api/chats", "post">;
export type ChatDetail = Answer<"/api/chats/{id}", "get">;
export type Message = ChatDetail["messages"][number];
export type NewMessage =
  paths["/api/chats/{id}/messages"]["post"]["requestBody"]["content"]["application/json"];

type Body<P extends keyof paths> = paths[P] extends {
  post: { requestBody: { content: { "application/json": infer T } } };
}
  ? T
  : never;

export type Tokenization = Answer<"/v1/tokenize", "post">;
export type TokenMessage = NonNullable<Body<"/v1/tokenize">["messages"]>[number];
export type TokenPrice = Answer<"/api/tokenizer/prices", "post">["data"][number];
