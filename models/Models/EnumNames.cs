using System;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FlorenceKernels.Models;

/// <summary>A setting names a choice that does not exist; the message lists those that do.</summary>
public sealed class UnknownChoiceException(string message) : JsonException(message);

/// <summary>Enums in settings by their names, in camel case; read whatever the case.</summary>
public sealed class EnumNames : JsonConverterFactory
{
    /// <inheritdoc/>
    public override bool CanConvert(Type typeToConvert) => typeToConvert.IsEnum;

    /// <inheritdoc/>
    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(Names<>).MakeGenericType(typeToConvert))!;

    private sealed class Names<T> : JsonConverter<T> where T : struct, Enum
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var given = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            foreach (var value in Enum.GetValues<T>())
            {
                if (string.Equals(given, value.ToString(), StringComparison.OrdinalIgnoreCase)) { return value; }
            }

            throw new UnknownChoiceException($"{(given is null ? "this value" : $"'{given}'")} is none of "
                + string.Join(", ", Enum.GetValues<T>().Select(Name)));
        }

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(Name(value));

        private static string Name(T value) => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());
    }
}
