import type { components } from "@/api/schema";

type Schemas = components["schemas"];

export type Assistant = Schemas["Assistant"];
export type AssistantBody = Schemas["AssistantRequest"];
export type Tool = Schemas["AssistantTool"];
export type Thread = Schemas["Thread"];
export type Message = Schemas["ThreadMessage"];
export type Part = Message["content"][number];
export type Run = Schemas["Run"];
export type Step = Schemas["RunStep"];
export type Call = Schemas["RunStepCall"];
export type ToolChoice = Run["tool_choice"];
export type Attachment = Message["attachments"][number];

/** Parley's own member of run steps: what of the thread the model saw. */
export type Context = {
  window_tokens: number;
  thread: {
    budget_tokens: number;
    tokens: number;
    shown: number;
    left_out: number;
    summary?: string;
    retrieved_message_ids?: string[];
  };
};
