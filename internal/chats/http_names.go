package chats

// Names of the schemas in the OpenAPI document, where Go's names serve to tell them from the core's.

// OpenAPIName implements openapi's hook.
func (ChatObject) OpenAPIName() string { return "Chat" }

// OpenAPIName implements openapi's hook.
func (ChatDetail) OpenAPIName() string { return "ChatDetail" }

// OpenAPIName implements openapi's hook.
func (MessageObject) OpenAPIName() string { return "Message" }

// OpenAPIName implements openapi's hook.
func (ContentPart) OpenAPIName() string { return "ContentPart" }

// OpenAPIName implements openapi's hook.
func (MessageError) OpenAPIName() string { return "MessageError" }

// OpenAPIName implements openapi's hook.
func (MessageUsage) OpenAPIName() string { return "MessageUsage" }

// OpenAPIName implements openapi's hook.
func (CreateChat) OpenAPIName() string { return "CreateChat" }

// OpenAPIName implements openapi's hook.
func (UpdateChat) OpenAPIName() string { return "UpdateChat" }

// OpenAPIName implements openapi's hook.
func (CreateMessage) OpenAPIName() string { return "CreateMessage" }

// OpenAPIName implements openapi's hook.
func (ModelObject) OpenAPIName() string { return "ServedModel" }

// OpenAPIName implements openapi's hook.
func (ModelList) OpenAPIName() string { return "ServedModelList" }
